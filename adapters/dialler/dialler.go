// Package dialler has a telephone system call a customer: an HTTP POST with a signed JSON object, to an address that configuration names. What the system did with
// an order that it did not answer clearly is not known, and is said so: nobody orders the call again within the guard time.
package dialler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"parley/interaction"
	"parley/lib/auth"
	"parley/lib/safehttp"
)

// Headers of an order.
const (
	HeaderSignature = "Parley-Signature" // t=seconds,v1=hex: HMAC-SHA256 of "seconds.body" under the entry point's secret; absent without one
	HeaderOrder     = "Idempotency-Key"  // the order's id: a system that has seen it does not dial again
)

// Dialler gives orders to telephone systems.
type Dialler struct {
	Client *safehttp.Client
	Secret func(place string) (string, error) // reads a secret from where configuration says it is
	Clock  func() time.Time
}

var _ interaction.Dialler = (*Dialler)(nil)

// Answer is what a telephone system says.
type Answer struct {
	Dialled *bool  `json:"dialled"` // required: whether it dials
	Reason  string `json:"reason"`  // why it does not
}

// Dial gives an order. A clear yes is a 2xx with {"dialled": true}; a clear no is {"dialled": false}, a 4xx, or that nothing was sent; everything else
// may have been carried out.
func (d *Dialler) Dial(ctx context.Context, order interaction.Dial) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("write the order to dial: %w", err)
	}
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	r, err := http.NewRequestWithContext(traced, http.MethodPost, order.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the order to dial: %w", err)
	}
	r.GetBody = nil // the transport repeats nothing by itself
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Parley")
	r.Header.Set(HeaderOrder, string(order.ID))
	if order.Secret != "" {
		secret, err := d.Secret(order.Secret)
		if err != nil {
			return err
		}
		r.Header.Set(HeaderSignature, auth.Sign(body, d.Clock(), []byte(secret)))
	}
	answer, err := d.Client.Do(r)
	switch {
	case err != nil && !sent.Load():
		return fmt.Errorf("give the order to dial: %w", err)
	case err != nil:
		return fmt.Errorf("%w: %w", interaction.ErrDialUnknown, err)
	}
	return read(answer)
}

func read(answer safehttp.Answer) error {
	var said Answer
	err := json.Unmarshal(answer.Body, &said)
	switch {
	case answer.Status/100 == 4:
		return fmt.Errorf("the telephone system refused the order: %d %s", answer.Status, http.StatusText(answer.Status))
	case answer.Status/100 == 2 && err == nil && said.Dialled != nil && *said.Dialled:
		return nil
	case answer.Status/100 == 2 && err == nil && said.Dialled != nil:
		return errors.New("the telephone system does not dial: " + said.Reason)
	}
	return fmt.Errorf("%w: the answer was %d with %d bytes", interaction.ErrDialUnknown, answer.Status, len(answer.Body))
}
