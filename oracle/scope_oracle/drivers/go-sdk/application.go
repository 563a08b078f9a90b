package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

const (
	exchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	redirectURL = "http://localhost:3142"
	patience    = 10 * time.Second
	hostRounds  = 3
)

// pool keeps connections from one episode to the next: the SDK asks for an http.Client and never closes it.
var pool = func() *http.Transport {
	shared := http.DefaultTransport.(*http.Transport).Clone()
	shared.MaxIdleConnsPerHost = 8
	return shared
}()

// line is the way out of one life of the application. Once it is cut nothing leaves any more: the SDK says goodbye
// when a connection is closed, and may refresh a token for that, which a program that lost its memory does not.
type line struct{ cut atomic.Bool }

func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	if l.cut.Load() {
		return nil, errors.New("the application has ended")
	}
	return pool.RoundTrip(request)
}

// application is one life of the program, from a reset or a restart to the next.
type application struct {
	settings
	stores map[string]*store
	sites  map[string]*site
	mcp    *mcp.Client
	http   *http.Client
	line   *line
	ctx    context.Context
	cancel context.CancelFunc
}

// site is one MCP server.
type site struct {
	app     *application
	url     string
	store   *store
	handler *watched

	connecting sync.Mutex
	session    *mcp.ClientSession
}

// newApplication begins a life with what is stored: nothing after a reset.
func newApplication(given settings, stores map[string]*store) (*application, error) {
	if !slices.Contains(revisions(released()), given.Revision) {
		return nil, skipped("the SDK does not speak " + given.Revision)
	}
	app := &application{settings: given, stores: map[string]*store{}, sites: map[string]*site{}, line: new(line)}
	app.ctx, app.cancel = context.WithCancel(context.Background())
	app.http = &http.Client{Transport: app.line, Timeout: patience}
	app.mcp = mcp.NewClient(&mcp.Implementation{Name: "scopelaw", Version: "1"}, nil)
	for name, url := range given.Servers {
		kept := stores[name]
		if kept == nil {
			kept = new(store)
		}
		handler, err := app.newHandler(name, kept)
		if err != nil {
			app.end()
			return nil, err
		}
		app.stores[name] = kept
		app.sites[name] = &site{app: app, url: url, store: kept, handler: &watched{OAuthHandler: handler}}
	}
	return app, nil
}

// end closes every connection and ends every call.
func (app *application) end() {
	if app == nil {
		return
	}
	app.line.cut.Store(true)
	app.cancel()
	for _, site := range app.sites {
		go func() {
			site.connecting.Lock()
			defer site.connecting.Unlock()
			if site.session != nil {
				site.session.Close()
			}
		}()
	}
}

// newHandler is what gets tokens for one server.
func (app *application) newHandler(name string, kept *store) (auth.OAuthHandler, error) {
	if app.Grant != "authorization_code" {
		known, err := app.known()
		if err != nil {
			return nil, err
		}
		if app.Grant == exchange {
			issuer := app.Provider.VouchesFor[name]
			return enterpriseHandler(app.Provider, app.Servers[name], issuer, app.Scopes, known, app.http)
		}
		return machineHandler(known, app.http)
	}
	config := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL:              redirectURL,
		AuthorizationCodeFetcher: app.askUser,
	}
	set(config, "Client", app.http)                   // since 1.4.1
	set(config, "RequestRefreshToken", app.Refreshes) // since 1.7.0
	set(config, "NewTokenSource", kept.keep)          // since 1.7.0, as is the next
	if source := kept.restored(app.http); source != nil {
		set(config, "InitialTokenSource", source)
	}
	switch app.Registration {
	case "document":
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: app.DocumentURL}
	case "known":
		known, err := app.known()
		if err != nil {
			return nil, err
		}
		if err := register(config, known); err != nil {
			return nil, err
		}
	default:
		metadata := &oauthex.ClientRegistrationMetadata{
			ClientName:   "scopelaw",
			RedirectURIs: []string{redirectURL},
			Scope:        strings.Join(app.Scopes, " "),
		}
		if app.Refreshes {
			metadata.GrantTypes = []string{"authorization_code", "refresh_token"}
		}
		config.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{Metadata: metadata}
	}
	handler, err := auth.NewAuthorizationCodeHandler(config)
	if err != nil {
		return nil, skipped(err.Error())
	}
	return handler, nil
}

// storesTokens tells whether the SDK lets its user store tokens: the handlers without a user do not.
func (app *application) storesTokens() bool {
	return app.Grant == "authorization_code" && has(new(auth.AuthorizationCodeHandlerConfig), "InitialTokenSource")
}

// known is the client that was registered out of band. A handler takes one, whatever issuer it will meet; bound to
// its issuer where there is no other.
func (app *application) known() (*client, error) {
	var found *client
	for issuer, each := range app.Clients {
		switch {
		case each == nil:
		case found == nil:
			found = &client{ID: each.ID, Secret: each.Secret, Issuer: issuer}
		case found.ID == each.ID && found.Secret == each.Secret:
			found.Issuer = ""
		default:
			return nil, skipped("a handler of the SDK takes one client, not one for each issuer")
		}
	}
	if found == nil {
		return nil, skipped("there is no client that was registered out of band")
	}
	return found, nil
}

// askUser opens the authorization URL as a browser would, and reads where it is sent back to.
func (app *application) askUser(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, args.URL, nil)
	if err != nil {
		return nil, err
	}
	response, err := app.line.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		return nil, err
	}
	query := back.Query()
	if query.Get("code") == "" {
		return nil, fmt.Errorf("the user came back without a code: %s", query.Get("error"))
	}
	result := &auth.AuthorizationResult{Code: query.Get("code"), State: query.Get("state")}
	set(result, "Iss", query.Get("iss")) // since 1.7.0
	return result, nil
}

// call makes a call. The SDK authorizes and sends again by itself; only a lost connection is left to its user.
func (s *site) call(operation string) answer {
	// The context of a call that ended well is not cancelled: the SDK keeps it in its token sources, where the
	// client credentials handler (and the other one before 1.7.0) gets the next token with it.
	ctx, cancel := context.WithCancel(s.app.ctx)
	timer := time.AfterFunc(patience, cancel)
	rounds, err := 0, error(nil)
	for {
		if err = s.send(ctx, operation); !errors.Is(err, mcp.ErrConnectionClosed) || rounds == hostRounds {
			break
		}
		rounds++
	}
	inTime := timer.Stop()
	result := answer{"outcome": "served"}
	switch {
	case err != nil && !inTime:
		result = answer{"outcome": "refused", "error": "timeout"}
	case err != nil:
		result = answer{"outcome": "refused", "error": oneLine(err)}
	}
	if rounds > 0 {
		result["host_rounds"] = rounds
	}
	return result
}

func (s *site) send(ctx context.Context, operation string) error {
	session, err := s.connect(ctx)
	if err != nil {
		return err
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: operation})
	if errors.Is(err, mcp.ErrConnectionClosed) {
		s.connecting.Lock()
		defer s.connecting.Unlock()
		if s.session == session {
			s.session = nil
		}
	}
	if err == nil && result.IsError {
		return errors.New("the tool failed")
	}
	return err
}

// connect opens the connection when it is first needed.
func (s *site) connect(ctx context.Context) (*mcp.ClientSession, error) {
	s.connecting.Lock()
	defer s.connecting.Unlock()
	if s.session != nil {
		return s.session, nil
	}
	transport := &mcp.StreamableClientTransport{
		Endpoint:             s.url,
		HTTPClient:           s.app.http,
		DisableStandaloneSSE: true, // nothing but answers is waited for
		OAuthHandler:         s.handler,
	}
	options := new(mcp.ClientSessionOptions)
	set(options, "ProtocolVersion", s.app.Revision) // since 1.8.0; before it, what the server answers
	session, err := s.app.mcp.Connect(ctx, transport, options)
	if err == nil {
		s.session = session
	}
	return session, err
}

// token is the one in use, if any: the stored one, or what the SDK last sent where it stores none.
func (s *site) token() *oauth2.Token {
	if token := s.store.kept(); token != nil {
		return token
	}
	return s.handler.sent.Load()
}

// expire ends the lifetime of the token: the SDK compares its public Expiry with the time, on every request.
func (s *site) expire() {
	if token := s.token(); token != nil {
		s.store.mutex.Lock()
		defer s.store.mutex.Unlock()
		token.Expiry = time.Now().Add(-time.Hour)
	}
}

// granted are the scopes of the token response; null where it had none.
func (s *site) granted() []string {
	if token := s.token(); token != nil {
		// Of a response in a form, Extra gives an empty text for whatever is not there.
		if scope, ok := token.Extra("scope").(string); ok && (scope != "" || token.Extra("not there") == nil) {
			return append([]string{}, strings.Fields(scope)...)
		}
	}
	return nil
}

// set sets a field that not every release has: what a release lacks, its users cannot set.
func set(target any, field string, value any) {
	if has(target, field) {
		reflect.ValueOf(target).Elem().FieldByName(field).Set(reflect.ValueOf(value))
	}
}

func has(target any, field string) bool {
	return reflect.ValueOf(target).Elem().FieldByName(field).IsValid()
}
