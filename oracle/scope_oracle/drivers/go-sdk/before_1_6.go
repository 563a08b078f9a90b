//go:build sdk_1.4.0 || sdk_1.4.1 || sdk_1.5.0

package main

import (
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"
)

func register(*auth.AuthorizationCodeHandlerConfig, *client) error {
	return skipped("clients known beforehand are given in another way before release 1.6.0")
}

func machineHandler(*client, *http.Client) (auth.OAuthHandler, error) {
	return nil, skipped("there is no client credentials handler before release 1.6.0")
}

func enterpriseHandler(*identityProvider, string, string, []string, *client, *http.Client) (auth.OAuthHandler, error) {
	return nil, skipped("there is no enterprise handler before release 1.6.0")
}
