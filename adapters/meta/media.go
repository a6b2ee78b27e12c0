package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"parley/lib/social"
)

// fetch gets a file: WhatsApp's by id, for which the API tells a URL that is good for minutes; Messenger's by the URL that it told.
func (a *Adapter) fetch(ctx context.Context, m social.Media) ([]byte, error) {
	address := m.URL
	if address == "" {
		body, err := a.get(ctx, a.base+"/"+url.PathEscape(m.ID))
		if err != nil {
			return nil, err
		}
		var told struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(body, &told) != nil || told.URL == "" {
			return nil, errors.New("there is no URL of it")
		}
		address = told.URL
	}
	return a.get(ctx, address)
}

func (a *Adapter) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("its URL is none")
	}
	if a.trusted(r.URL) {
		r.Header.Set("Authorization", "Bearer "+a.secrets.Token)
	}
	answer, err := a.Client.Do(r)
	switch {
	case err != nil:
		return nil, errors.New("it could not be fetched")
	case answer.Status != http.StatusOK:
		return nil, fmt.Errorf("the answer was %d", answer.Status)
	}
	return answer.Body, nil
}

// trusted reports whether a host may see the token: the API's own, and those of Meta's that keep WhatsApp's files.
func (a *Adapter) trusted(u *url.URL) bool {
	if api, err := url.Parse(a.base); err == nil && u.Host == api.Host && u.Scheme == api.Scheme {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (host == "lookaside.fbsbx.com" || strings.HasSuffix(host, ".whatsapp.net"))
}
