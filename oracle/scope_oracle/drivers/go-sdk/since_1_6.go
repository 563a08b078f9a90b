//go:build !(sdk_1.4.0 || sdk_1.4.1 || sdk_1.5.0)

package main

import (
	"context"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

// register makes the handler use a client that was registered out of band.
func register(config *auth.AuthorizationCodeHandlerConfig, known *client) error {
	config.PreregisteredClient = credentials(known)
	return nil
}

// machineHandler is the handler without a user.
func machineHandler(known *client, through *http.Client) (auth.OAuthHandler, error) {
	return extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
		Credentials: credentials(known),
		HTTPClient:  through,
	})
}

// enterpriseHandler is the handler of an enterprise, for a resource and the authorization server that it relies on.
func enterpriseHandler(
	provider *identityProvider, resource, issuer string, scopes []string, known *client, through *http.Client,
) (auth.OAuthHandler, error) {
	return extauth.NewEnterpriseHandler(&extauth.EnterpriseHandlerConfig{
		IdPIssuerURL:     provider.Issuer,
		IdPCredentials:   credentials(&client{ID: provider.ID, Secret: provider.Secret}),
		MCPAuthServerURL: issuer,
		MCPResourceURI:   resource,
		MCPCredentials:   credentials(known),
		MCPScopes:        scopes,
		IDTokenFetcher: func(context.Context) (*oauth2.Token, error) {
			return new(oauth2.Token).WithExtra(map[string]any{"id_token": provider.IDToken}), nil
		},
		HTTPClient: through,
	})
}

func credentials(known *client) *oauthex.ClientCredentials {
	given := &oauthex.ClientCredentials{ClientID: known.ID}
	if known.Secret != "" {
		given.ClientSecretAuth = &oauthex.ClientSecretAuth{ClientSecret: known.Secret}
	}
	set(given, "Issuer", known.Issuer) // since 1.7.0
	return given
}
