package imap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/lib/safehttp"
)

// TokenSecret is the secret of a link with a token_url, as JSON. A secret that is no JSON is the refresh token alone.
type TokenSecret struct {
	RefreshToken string `json:"refresh_token"` // empty: the application signs in for itself (RFC 6749 section 4.4)
	ClientSecret string `json:"client_secret"`
}

// Tokens fetches access tokens where the link says, and keeps each for as long as it lasts; nil where the link has no token_url.
func Tokens(s Settings, secret string, do func(*http.Request) (safehttp.Answer, error)) func(context.Context) (string, error) {
	if s.TokenURL == "" {
		return nil
	}
	t := &tokens{settings: s, do: do}
	if json.Unmarshal([]byte(secret), &t.secret) != nil {
		t.secret.RefreshToken = secret
	}
	return t.get
}

type tokens struct {
	settings Settings
	secret   TokenSecret
	do       func(*http.Request) (safehttp.Answer, error)

	mu     sync.Mutex
	access string
	until  time.Time
}

// get gives a token that lasts for another minute at least. Its errors hold nothing that the server said beyond its error code.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Add(time.Minute).Before(t.until) {
		return t.access, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.settings.ClientID}}
	if t.secret.RefreshToken != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", t.secret.RefreshToken)
	}
	if t.secret.ClientSecret != "" {
		form.Set("client_secret", t.secret.ClientSecret)
	}
	if t.settings.Scope != "" {
		form.Set("scope", t.settings.Scope)
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, t.settings.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask.Header.Set("Accept", "application/json")
	answer, err := t.do(ask)
	if err != nil {
		return "", err
	}
	var said struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int    `json:"expires_in"`
		Error        string `json:"error"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return "", fmt.Errorf("the answer of %s is no JSON (status %d)", t.settings.TokenURL, answer.Status)
	}
	if answer.Status != http.StatusOK || said.AccessToken == "" {
		return "", errors.Join(errRefused, fmt.Errorf("status %d, %.60s", answer.Status, said.Error))
	}
	t.access, t.until = said.AccessToken, time.Now().Add(time.Duration(said.ExpiresIn)*time.Second)
	if said.RefreshToken != "" {
		t.secret.RefreshToken = said.RefreshToken // good until the next start; the one that was configured must stay good too
	}
	return t.access, nil
}
