package api

import (
	"context"
	"net/http"
	"time"

	"parley/interaction"
	"parley/lib/auth"
)

// SessionInput signs in.
type SessionInput struct {
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"100"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

// SessionOutput is a new session. Its token is shown here and never again.
type SessionOutput struct {
	Body struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
		Agent     Agent     `json:"agent"`
	}
}

// signIn gives a session's token for a password. Ten failures a minute are allowed for one account or address. An
// Idempotency-Key means nothing here: a token is given once.
func (s *server) signIn(ctx context.Context, in *SessionInput) (*SessionOutput, error) {
	from := callOf(ctx).from
	if wait, ok := s.tries.Begin(in.Body.Login, from, clock()); !ok {
		return nil, tooMany("too_many_tries", "signing in failed too often; wait a moment", seconds(wait.Seconds()))
	}
	id, err := s.checkPassword(ctx, in.Body.Login, in.Body.Password)
	if err != nil {
		return nil, err
	}
	s.tries.Succeed(in.Body.Login, from, clock())
	token, hash := auth.NewToken()
	out := &SessionOutput{}
	out.Body.Token, out.Body.ExpiresAt = token, clock().Add(s.Lifetime).UTC().Truncate(time.Second)
	by := interaction.Actor{Agent: id, Login: in.Body.Login}
	if _, err := s.CreateToken(ctx, by, interaction.NewToken{
		Agent: id, Kind: interaction.TokenSession, Label: "password", Hash: hash[:], Expires: out.Body.ExpiresAt,
	}); err != nil {
		return nil, err
	}
	a, err := s.Agent(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Body.Agent = agentView(a, by)
	return out, nil
}

// checkPassword finds the agent of a login and password. An unknown login takes as long as a wrong password and is answered alike.
func (s *server) checkPassword(ctx context.Context, login, password string) (interaction.ID, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return "", interaction.Unavailable("busy", ctx.Err())
	}
	id, encoded, err := s.Credentials(ctx, login)
	if err != nil {
		if interaction.KindOf(err) != interaction.KindUnknown {
			return "", err
		}
		auth.CheckNobody(password)
		return "", wrongPassword()
	}
	ok, err := auth.CheckPassword(encoded, password)
	if err != nil {
		return "", interaction.Unavailable("bad_account", err)
	}
	if !ok {
		return "", wrongPassword()
	}
	return id, nil
}

func wrongPassword() error {
	return refuse(http.StatusUnauthorized, "wrong_password", "password", "the login or the password is wrong")
}

// signOut ends the token that asks, whatever kind it is.
func (s *server) signOut(ctx context.Context, _ *struct{}) (*noContent, error) {
	by := actorOf(ctx)
	if err := s.RevokeToken(ctx, by, by.Token); err != nil {
		return nil, err
	}
	s.tokens.forget()
	return nil, nil
}

// PasswordInput changes who asks' own password.
type PasswordInput struct {
	Body struct {
		Current string `json:"current" minLength:"1" maxLength:"256"`
		New     string `json:"new" minLength:"8" maxLength:"256"`
	}
}

// setPassword changes the password and ends all other sessions. Failing with the current one counts like signing in.
func (s *server) setPassword(ctx context.Context, in *PasswordInput) (*noContent, error) {
	by, from := actorOf(ctx), callOf(ctx).from
	if len(in.Body.New) > auth.MaxPassword {
		return nil, interaction.Invalid("too_long", "new", "has up to %d bytes", auth.MaxPassword)
	}
	if wait, ok := s.tries.Begin(by.Login, from, clock()); !ok {
		return nil, tooMany("too_many_tries", "the password was wrong too often; wait a moment", seconds(wait.Seconds()))
	}
	if _, err := s.checkPassword(ctx, by.Login, in.Body.Current); err != nil {
		if problemOf(err).Status == http.StatusUnauthorized {
			return nil, interaction.Forbidden("wrong_password", "the current password is wrong")
		}
		return nil, err
	}
	s.tries.Succeed(by.Login, from, clock())
	if err := s.SetPassword(ctx, by, by.Agent, auth.HashPassword(in.Body.New)); err != nil {
		return nil, err
	}
	s.tokens.forget()
	return nil, nil
}
