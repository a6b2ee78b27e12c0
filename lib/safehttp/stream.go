package safehttp

import (
	"fmt"
	"io"
	"net/http"
)

// Open sends the request and gives the answer with its body still to be read: for streams that go on for hours. The client's time limit covers what goes before
// the body; while it is read the request's context ends it, and the caller bounds what he reads. He closes the body.
func (c *Client) Open(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL); err != nil {
		return nil, err
	}
	endless := c.http
	endless.Timeout = 0
	res, err := endless.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 512))
		return nil, &StatusError{Status: res.StatusCode, Header: res.Header, Text: string(text)}
	}
	return res, nil
}

// StatusError is an answer other than 200 to a request for a stream.
type StatusError struct {
	Status int
	Header http.Header
	Text   string // the beginning of the body
}

// Error gives the status.
func (e *StatusError) Error() string { return fmt.Sprintf("the answer was %d", e.Status) }
