package imap

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// errRefused says that the server does not let us in: somebody must do something.
var errRefused = errors.New("the server refuses the sign-in")

// signIn opens the account.
func (m *Mailbox) signIn(ctx context.Context, c *imapclient.Client) error {
	secret := m.opts.Secret
	if m.settings.Auth != authPassword && m.tokens != nil {
		var err error
		if secret, err = m.tokens(ctx); err != nil {
			return fmt.Errorf("access token: %w", err)
		}
	}
	var err error
	switch m.settings.Auth {
	case authBearer:
		err = c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: m.settings.User, Token: secret}))
	case authXOAuth2:
		err = c.Authenticate(&xoauth2{user: m.settings.User, token: secret})
	default:
		err = c.Login(m.settings.User, secret).Wait()
	}
	if isNo(err) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// xoauth2 is the mechanism that Google and Microsoft had before RFC 7628.
type xoauth2 struct{ user, token string }

// Start gives the one thing that it says.
func (x *xoauth2) Start() (mech string, ir []byte, err error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers what the server says of an error with nothing, so that it ends the exchange.
func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
