// The driver of the Go SDK: it reads commands and writes answers. What the application does is in application.go.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

const sdk = "github.com/modelcontextprotocol/go-sdk"

// command is any line of the contract.
type command struct {
	Command   string `json:"command"`
	Seq       *int   `json:"seq"`
	Server    string `json:"server"`
	Operation string `json:"operation"`
	settings
}

// settings are what a reset brings.
type settings struct {
	Servers      map[string]string  `json:"servers"`
	Revision     string             `json:"revision"`
	Grant        string             `json:"grant"`
	Registration string             `json:"registration"`
	DocumentURL  string             `json:"document_url"`
	Clients      map[string]*client `json:"clients"`
	Scopes       []string           `json:"configured_scopes"`
	Refreshes    bool               `json:"wants_refresh_token"`
	Provider     *identityProvider  `json:"identity_provider"`
}

// identityProvider is where the user of an enterprise has signed in.
type identityProvider struct {
	Issuer     string            `json:"issuer"`
	ID         string            `json:"client_id"`
	Secret     string            `json:"client_secret"`
	IDToken    string            `json:"id_token"`
	VouchesFor map[string]string `json:"vouches_for"`
}

// client is what was registered out of band at an issuer.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Issuer string `json:"-"`
}

type answer map[string]any

// skipped is what the SDK cannot do.
type skipped string

func (s skipped) Error() string { return string(s) }

func main() {
	lines := bufio.NewReader(os.Stdin)
	var app *application
	why := errors.New("there was no reset") // why there is no application
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var given command
		if err := json.Unmarshal(line, &given); err != nil {
			say(nil, failed(err))
			continue
		}
		switch given.Command {
		case "start":
			version := released()
			about := answer{"name": "go-sdk", "version": version, "language": "Go"}
			say(nil, answer{"version": 1, "client": about, "revisions": revisions(version)})
		case "stop":
			return
		case "reset":
			app.end()
			app, why = newApplication(given.settings, nil)
			say(given.Seq, outcome(why))
		case "restart":
			switch {
			case app == nil:
				say(given.Seq, failed(why))
			case !app.storesTokens():
				say(given.Seq, failed(skipped("the SDK takes no stored token")))
			default:
				app.end()
				app, why = newApplication(app.settings, app.stores)
				say(given.Seq, outcome(why))
			}
		default:
			// None of these may keep the reader waiting: a call takes its time, and holds what the others need.
			go obey(app, why, given)
		}
	}
}

// obey answers a command about one server.
func obey(app *application, why error, given command) {
	defer func() {
		if fault := recover(); fault != nil {
			say(given.Seq, failed(fmt.Errorf("%v", fault)))
		}
	}()
	if app == nil {
		say(given.Seq, failed(why))
		return
	}
	site := app.sites[given.Server]
	switch {
	case site == nil:
		say(given.Seq, failed(fmt.Errorf("there is no server %q", given.Server)))
	case given.Command == "call":
		say(given.Seq, site.call(given.Operation))
	case given.Command == "expire":
		site.expire()
		say(given.Seq, outcome(nil))
	case given.Command == "report":
		granted := site.granted()
		if granted == nil {
			// What the SDK takes to be granted where the response is silent, it shows to nobody.
			say(given.Seq, failed(skipped("the token names no scope")))
			return
		}
		say(given.Seq, answer{"granted": granted})
	default:
		say(given.Seq, failed(fmt.Errorf("there is no command %q", given.Command)))
	}
}

var speaking sync.Mutex

func say(seq *int, what answer) {
	if seq != nil {
		what["seq"] = *seq
	}
	speaking.Lock()
	defer speaking.Unlock()
	json.NewEncoder(os.Stdout).Encode(what)
}

func outcome(err error) answer {
	if err != nil {
		return failed(err)
	}
	return answer{"ok": true}
}

func failed(err error) answer {
	if missing := skipped(""); errors.As(err, &missing) {
		return answer{"skipped": answer{"message": oneLine(err)}}
	}
	return answer{"errored": answer{"context": oneLine(err)}}
}

func oneLine(err error) string {
	text := []rune(strings.Join(strings.Fields(err.Error()), " "))
	return string(text[:min(len(text), 300)])
}

// released is the release of the SDK that is built in.
func released() string {
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, module := range built.Deps {
			if module.Path == sdk {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}

// revisions are those with Streamable HTTP that the SDK speaks. It lists them itself since 1.8.0 only.
func revisions(version string) []string {
	spoken := []string{"2025-03-26", "2025-06-18", "2025-11-25"}
	var major, minor int
	if fmt.Sscanf(version, "%d.%d", &major, &minor); major > 1 || minor >= 7 {
		spoken = append(spoken, "2026-07-28")
	}
	return spoken
}
