package api

import (
	"context"
	"net/http"
	"net/netip"

	"parley/interaction"
)

// call is what one request carries along.
type call struct {
	id       string
	actor    interaction.Actor
	header   http.Header // of the answer
	replayed bool        // the answer is that of an earlier request with the same Idempotency-Key
	from     netip.Addr  // where the request comes from
}

type callKey struct{}

// callOf gives the request's call; an empty one outside of any, where only the description is made.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{header: http.Header{}}
}

// actorOf gives who asks.
func actorOf(ctx context.Context) interaction.Actor { return callOf(ctx).actor }
