package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"parley/lib/social"
)

// fetch gets a file: the API tells a path, which is good for an hour. Files above 20 MB are not given to bots.
func (b *Bot) fetch(ctx context.Context, m social.Media) ([]byte, error) {
	var got struct {
		Path string `json:"file_path"`
	}
	if err := b.api.call(ctx, "getFile", map[string]string{"file_id": m.ID}, &got); err != nil {
		var no *refusal
		if errors.As(err, &no) {
			return nil, fmt.Errorf("telegram did not give it: %s", no.Text)
		}
		return nil, errors.New("telegram could not be asked for it")
	}
	if got.Path == "" || strings.Contains(got.Path, "..") || strings.Contains(got.Path, "://") {
		return nil, errors.New("telegram gave no path to it")
	}
	path := (&url.URL{Path: strings.TrimPrefix(got.Path, "/")}).EscapedPath()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.api.base+"/file/bot"+b.Token+"/"+path, http.NoBody)
	if err != nil {
		return nil, errors.New("telegram gave no path to it")
	}
	answer, err := b.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("it could not be fetched: %w", quiet(err))
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("telegram answered %d", answer.Status)
	}
	return answer.Body, nil
}
