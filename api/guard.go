package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/auth"
)

// guard lets a request through to its route when its token is good, its role is enough and its rate is not used up.
func (s *server) guard(c *gin.Context) {
	r, known := s.routes[c.Request.Method+" "+c.FullPath()]
	if !known || r.public {
		return
	}
	actor, err := s.authenticate(c)
	if err == nil {
		err = s.rates.allow(actor.Token)
	}
	if err == nil {
		err = r.allows(actor)
	}
	if err != nil {
		s.fail(c, err)
	}
}

// allows refuses whose role is not enough.
func (r route) allows(actor interaction.Actor) error {
	switch admin := actor.Role == interaction.RoleAdmin; {
	case r.admins && !admin:
		return interaction.Forbidden("role_needed", "this is for admins")
	case r.configures && !admin && actor.Role != interaction.RoleDesigner:
		return interaction.Forbidden("role_needed", "this is for designers and admins")
	case !r.configures && !actor.AtLeast(r.role):
		return interaction.Forbidden("role_needed", "this is for role %s and those above it", r.role)
	}
	return nil
}

// authenticate finds who asks. Nothing tells why a token is no good.
func (s *server) authenticate(c *gin.Context) (interaction.Actor, error) {
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	hash, ours := auth.HashToken(strings.TrimSpace(token))
	if !strings.EqualFold(scheme, "Bearer") || !ours {
		return interaction.Actor{}, unauthorized()
	}
	ctx := c.Request.Context()
	asking, cancel := context.WithTimeout(ctx, s.AnswerTime)
	defer cancel()
	actor, err := s.tokens.actor(asking, hash)
	if err != nil {
		if interaction.KindOf(err) != interaction.KindUnknown {
			return actor, err
		}
		return actor, s.guessed(c)
	}
	callOf(ctx).actor = actor
	return actor, nil
}

// guessed counts a token that looks like ours and is none. A good token is never refused for the guesses of others.
func (s *server) guessed(c *gin.Context) error {
	from := address(c)
	if wait, ok := s.guesses.Begin(from.String(), from, clock()); !ok {
		return tooMany("too_many_tries", "too many tokens were tried from your address; wait a moment", seconds(wait.Seconds()))
	}
	return unauthorized()
}

func unauthorized() error {
	return refuse(http.StatusUnauthorized, "unauthorized", "Authorization", "sign in, or send a token that is still good: Authorization: Bearer parley_…")
}

// address is where a request comes from.
func address(c *gin.Context) netip.Addr {
	a, _ := netip.ParseAddr(c.ClientIP())
	return a
}

// once marks a POST that has an Idempotency-Key; what it asks is told by its method, path and content.
func (s *server) once(c *gin.Context, content [32]byte) error {
	key := c.GetHeader("Idempotency-Key")
	if key == "" || c.Request.Method != http.MethodPost {
		return nil
	}
	if len(key) > 200 || strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return malformed("bad_idempotency_key", "Idempotency-Key", "is up to 200 printable ASCII characters without blanks")
	}
	ctx := c.Request.Context()
	hash := interaction.Identity(c.Request.Method + " " + c.Request.URL.Path + " " + string(content[:]))
	c.Request = c.Request.WithContext(s.Once(ctx, key, hash[:], &callOf(ctx).replayed))
	return nil
}

// mark says in the answer when it is an old one.
func mark(ctx context.Context) {
	if c := callOf(ctx); c.replayed {
		c.header.Set("Idempotency-Replayed", "true")
	}
}
