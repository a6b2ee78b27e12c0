package api

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/interaction"
	"parley/lib/auth"
)

// tokenLife is how long a token's actor is remembered. A revoked token is refused within this time; calls in a row cost one look-up in it.
const tokenLife = 500 * time.Millisecond

// maxTokens bounds the memory for actors.
const maxTokens = 10_000

// tokens remembers for a moment who holds a token.
type tokens struct {
	accounts Accounts
	mu       sync.Mutex
	actors   map[auth.Hash]seenActor
}

type seenActor struct {
	actor interaction.Actor
	until time.Time
}

func newTokens(a Accounts) *tokens {
	return &tokens{accounts: a, actors: map[auth.Hash]seenActor{}}
}

// actor finds who holds the token.
func (t *tokens) actor(ctx context.Context, hash auth.Hash) (interaction.Actor, error) {
	now := clock()
	t.mu.Lock()
	seen, ok := t.actors[hash]
	t.mu.Unlock()
	if ok && now.Before(seen.until) {
		return seen.actor, nil
	}
	actor, err := t.accounts.ActorByToken(ctx, hash[:])
	if err != nil {
		return actor, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.actors) >= maxTokens {
		clear(t.actors)
	}
	t.actors[hash] = seenActor{actor, now.Add(tokenLife)}
	return actor, nil
}

// forget drops what is remembered, after a token was revoked here.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.actors)
}

// rates bounds the calls of each token for itself.
type rates struct {
	perSecond rate.Limit
	burst     int
	mu        sync.Mutex
	limiters  map[interaction.ID]*rate.Limiter
	swept     time.Time
}

func newRates(perSecond float64, burst int) *rates {
	return &rates{perSecond: rate.Limit(perSecond), burst: burst, limiters: map[interaction.ID]*rate.Limiter{}}
}

// allow counts one call of the token, or says how long to wait.
func (r *rates) allow(token interaction.ID) error {
	now := clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	l := r.limiters[token]
	if l == nil {
		l = rate.NewLimiter(r.perSecond, r.burst)
		r.limiters[token] = l
	}
	if l.AllowN(now, 1) {
		return nil
	}
	missing := 1 - l.TokensAt(now)
	return tooMany("rate_limited", "too many calls with this token; wait as Retry-After says", seconds(missing/float64(r.perSecond)))
}

// sweep forgets, once a minute, tokens that have been silent long enough to have all their calls again.
func (r *rates) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Minute {
		return
	}
	r.swept = now
	for token, l := range r.limiters {
		if l.TokensAt(now) >= float64(r.burst) {
			delete(r.limiters, token)
		}
	}
}

func tooMany(code, text string, wait int) error {
	return &interaction.Error{Kind: interaction.KindTooMany, Code: code, Text: text, RetryAfter: wait}
}
