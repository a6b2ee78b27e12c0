package imap

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// Settings are those of a link of kind imap.
type Settings struct {
	Host     string `json:"host"`                // with port, or without: 993 for TLS from the first byte, 143 otherwise
	User     string `json:"user"`                //
	TLS      string `json:"tls,omitempty"`       // implicit (default), starttls, or none: on this machine only
	Auth     string `json:"auth,omitempty"`      // password (default), oauthbearer or xoauth2
	Folder   string `json:"folder,omitempty"`    // default INBOX
	Address  string `json:"address,omitempty"`   // of the mailbox, where no header says whom a mail was delivered to
	Begin    string `json:"begin,omitempty"`     // all (default) takes what is there, new only what comes from now on
	After    string `json:"after,omitempty"`     // what becomes of a mail that was taken: keep (default), seen, or move:FOLDER
	Poll     int    `json:"poll,omitempty"`      // seconds between two looks where the server cannot tell of news; default 60
	MaxSize  int64  `json:"max_size,omitempty"`  // bytes of one mail; a larger one is left where it is and told; default 50 MiB
	Rest     int    `json:"rest,omitempty"`      // seconds that a mail is left alone that could not be had three times; default 3600
	TokenURL string `json:"token_url,omitempty"` // OAuth 2.0: where an access token is had for the secret; without it the secret is the access token
	ClientID string `json:"client_id,omitempty"` // of the application, at token_url
	Scope    string `json:"scope,omitempty"`     // likewise
}

// Values of the settings.
const (
	tlsImplicit = "implicit"
	tlsStart    = "starttls"
	tlsNone     = "none"

	authPassword = "password"
	authBearer   = "oauthbearer"
	authXOAuth2  = "xoauth2"

	beginAll = "all"
	beginNew = "new"

	afterKeep = "keep"
	afterSeen = "seen"
	afterMove = "move:"
)

// largestMail bounds max_size: a mail is committed in one transaction and parsed in memory.
const largestMail = 256 << 20

// Check reads a link's settings and says what is wrong with them: an invalid error that names the setting.
func Check(l interaction.Link) error {
	_, err := settings(l)
	return err
}

func settings(l interaction.Link) (s Settings, err error) {
	if err := l.Decode(&s); err != nil {
		return s, err
	}
	setDefault(&s.TLS, tlsImplicit)
	setDefault(&s.Auth, authPassword)
	setDefault(&s.Folder, "INBOX")
	setDefault(&s.Begin, beginAll)
	setDefault(&s.After, afterKeep)
	setDefault(&s.Poll, 60)
	setDefault(&s.MaxSize, 50<<20)
	setDefault(&s.Rest, 3600)
	switch {
	case s.Host == "":
		return s, interaction.Invalid("bad_setting", "host", "is missing; write the mail server's name")
	case s.User == "":
		return s, interaction.Invalid("bad_setting", "user", "is missing; write the name that the mailbox is opened with")
	case !oneOf(s.TLS, tlsImplicit, tlsStart, tlsNone):
		return s, interaction.Invalid("bad_setting", "tls", "is %q; write implicit, starttls or none", s.TLS)
	case !oneOf(s.Auth, authPassword, authBearer, authXOAuth2):
		return s, interaction.Invalid("bad_setting", "auth", "is %q; write password, oauthbearer or xoauth2", s.Auth)
	case !oneOf(s.Begin, beginAll, beginNew):
		return s, interaction.Invalid("bad_setting", "begin", "is %q; write all or new", s.Begin)
	case !oneOf(s.After, afterKeep, afterSeen) && (!strings.HasPrefix(s.After, afterMove) || s.After == afterMove):
		return s, interaction.Invalid("bad_setting", "after", "is %q; write keep, seen or move:FOLDER", s.After)
	case s.Poll < 1 || s.Poll > 3600:
		return s, interaction.Invalid("bad_setting", "poll", "is %d; write seconds between 1 and 3600", s.Poll)
	case s.MaxSize < 1<<10 || s.MaxSize > largestMail:
		return s, interaction.Invalid("bad_setting", "max_size", "is %d; write bytes between 1024 and %d", s.MaxSize, largestMail)
	case s.Rest < 1 || s.Rest > 86400:
		return s, interaction.Invalid("bad_setting", "rest", "is %d; write seconds between 1 and 86400", s.Rest)
	case strings.ContainsAny(s.Host+s.User+s.Folder+s.After, "\r\n\x00"):
		return s, interaction.Invalid("bad_setting", "host", "or another setting has a line break")
	case s.TokenURL != "" && !strings.HasPrefix(s.TokenURL, "https://"):
		return s, interaction.Invalid("bad_setting", "token_url", "is %q; write an address that begins with https://", s.TokenURL)
	}
	if _, _, err := net.SplitHostPort(s.Host); err != nil {
		port := "993"
		if s.TLS != tlsImplicit {
			port = "143"
		}
		s.Host = net.JoinHostPort(strings.Trim(s.Host, "[]"), port)
	}
	host, _, err := net.SplitHostPort(s.Host)
	if err != nil {
		return s, interaction.Invalid("bad_setting", "host", "is %q; write a name, or name:port", s.Host)
	}
	if ip := net.ParseIP(host); s.TLS == tlsNone && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return s, interaction.Invalid("bad_setting", "tls", "is none: the password would go over the network in clear; write implicit or starttls")
	}
	return s, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func oneOf(value string, list ...string) bool {
	for _, v := range list {
		if v == value {
			return true
		}
	}
	return false
}

// Options set a Mailbox up. The zero value of an optional field means its default.
type Options struct {
	Link      interaction.Link
	Secret    string                                       // password, access token, or what token_url wants
	TLSConfig *tls.Config                                  // for roots of an own authority; may be nil
	HTTP      func(*http.Request) (safehttp.Answer, error) // asks for access tokens, where the link has a token_url
	SpoolDir  string                                       // for mail beyond 256 KiB
	StepLimit time.Duration                                // for an answer of the server; default 1 minute
	BodyLimit time.Duration                                // for one mail; default 10 minutes
	Pause     time.Duration                                // after the first failure, doubled up to 5 minutes; default 1 second
	Rest      time.Duration                                // for a mail that could not be had three times; default as the link's settings say
	Logger    *slog.Logger
}

// New makes what works on a link of kind imap. Nothing is connected yet.
func New(opts Options, inbox interaction.Inbox, entries interaction.EntryPoints) (*Mailbox, error) {
	s, err := settings(opts.Link)
	if err != nil {
		return nil, err
	}
	if inbox == nil || entries == nil {
		return nil, errors.New("imap mailbox: needs an inbox and entry points")
	}
	setDefault(&opts.StepLimit, time.Minute)
	setDefault(&opts.BodyLimit, 10*time.Minute)
	setDefault(&opts.Pause, time.Second)
	setDefault(&opts.Rest, time.Duration(s.Rest)*time.Second)
	setDefault(&opts.Logger, slog.Default())
	return &Mailbox{
		tokens: Tokens(s, opts.Secret, opts.HTTP), opts: opts, settings: s, inbox: inbox, entries: entries, log: opts.Logger.With("adapter", "imap", "link", opts.Link.Name),
		tried: map[uint32]int{}, rests: map[uint32]time.Time{},
	}, nil
}
