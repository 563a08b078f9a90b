package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"golang.org/x/oauth2"
)

// store is what outlives a restart: after the SDK's Example_persistence.
type store struct {
	mutex  sync.Mutex
	config *oauth2.Config
	token  *oauth2.Token
}

// saving saves a token when it changes.
type saving struct {
	store  *store
	config *oauth2.Config
	source oauth2.TokenSource
}

func (s *saving) Token() (*oauth2.Token, error) {
	s.store.mutex.Lock()
	defer s.store.mutex.Unlock()
	token, err := s.source.Token()
	if err == nil {
		s.store.config, s.store.token = s.config, token
	}
	return token, err
}

// keep is the handler's NewTokenSource.
func (s *store) keep(ctx context.Context, config *oauth2.Config, token *oauth2.Token) (oauth2.TokenSource, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.config, s.token = config, token
	return &saving{s, config, config.TokenSource(ctx, token)}, nil
}

// restored is the handler's InitialTokenSource, nil where nothing is stored.
func (s *store) restored(client *http.Client) oauth2.TokenSource {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.token == nil {
		return nil
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
	return &saving{s, s.config, s.config.TokenSource(ctx, s.token)}
}

func (s *store) kept() *oauth2.Token {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.token
}

// watched is a handler of the SDK, of which it is known which token it gave last: to ask it would make it get a
// new one for one past its lifetime.
type watched struct {
	auth.OAuthHandler
	sent atomic.Pointer[oauth2.Token]
}

func (w *watched) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	source, err := w.OAuthHandler.TokenSource(ctx)
	if source == nil {
		return nil, err
	}
	return &watching{w, source}, err
}

type watching struct {
	*watched
	source oauth2.TokenSource
}

func (w *watching) Token() (*oauth2.Token, error) {
	token, err := w.source.Token()
	if err == nil {
		w.sent.Store(token)
	}
	return token, err
}
