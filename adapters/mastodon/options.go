package mastodon

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// Kind is the link's, and the network's in posts.
const Kind = "mastodon"

// Settings are those of a link of kind mastodon. Its secret is an access token with the scopes read, write:statuses and, for files, write:media.
type Settings struct {
	Server    string `json:"server"`              // https://social.example
	Streaming string `json:"streaming,omitempty"` // default: what the server names, or the server itself
	Begin     string `json:"begin,omitempty"`     // "new" (default): mentions from now on; "all": those that the server has, too
	Deleted   string `json:"deleted,omitempty"`   // "hide" (default) or "show" what a customer took back
	Poll      int    `json:"poll_seconds,omitempty"`
	Max       int    `json:"max_characters,omitempty"` // of a post, where the server allows others than 500
}

// Defaults and bounds.
const (
	defaultPoll = 60
	defaultMax  = 500
)

// CheckSettings tells what is wrong with a link's settings, naming the field.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	switch {
	case l.Secret == "":
		return interaction.Invalid("required", "secret", "is missing; write where the access token is: env:PARLEY_LINK_NAME or file:NAME")
	case safehttp.CheckURL(s.Server) != nil:
		return interaction.Invalid("bad_setting", "server", "must be the URL of the account's server: https://social.example")
	case s.Streaming != "" && safehttp.CheckURL(s.Streaming) != nil:
		return interaction.Invalid("bad_setting", "streaming", "must be a URL that begins with http or https")
	case s.Begin != "" && s.Begin != "new" && s.Begin != "all":
		return interaction.Invalid("bad_setting", "begin", "must be new or all")
	case s.Deleted != "" && s.Deleted != "hide" && s.Deleted != "show":
		return interaction.Invalid("bad_setting", "deleted", "must be hide or show")
	case s.Poll < 0 || s.Poll > 3600:
		return interaction.Invalid("bad_setting", "poll_seconds", "must be 1 to 3600")
	case s.Max < 0 || s.Max > 100_000:
		return interaction.Invalid("bad_setting", "max_characters", "must be 1 to 100000")
	}
	return nil
}

// Options are what an Account works with.
type Options struct {
	Settings   Settings
	EntryPoint string
	Token      string
	Inbox      interaction.Inbox
	Entries    interaction.EntryPoints
	Open       Open // nil: only the newest mentions are looked at again
	Client     *safehttp.Client
	Log        *slog.Logger
	Pause      time.Duration // before the first new try after a failure, doubled with each; default 1 s
	Longest    time.Duration // pause; default 5 min
	Quiet      time.Duration // of the stream until it is taken for dead; default 90 s: servers send a beat every 15 s or so
	Clock      func() time.Time
}

// Open knows what is still worked on.
type Open interface {
	// OpenMessages gives the names of customers' messages that begin with a prefix and whose interactions are not over, in their order from behind a name on, at most limit.
	OpenMessages(ctx context.Context, prefix, behind string, limit int) ([]string, error)
}

// Account is one account at a server: a Puller, and a Sender from any process.
type Account struct {
	Options
	api  api
	host string // of the server; account ids are its own

	panics map[string]int // of notifications, by id
	turn   string         // name of the mention that was looked at last, of those that are worked on

	rest sending.Rest // before the next post
}

var (
	_ interaction.Puller = (*Account)(nil)
	_ interaction.Sender = (*Account)(nil)
)

// New checks the options.
func New(o Options) (*Account, error) {
	server, err := url.Parse(o.Settings.Server)
	switch {
	case err != nil || server.Host == "":
		return nil, errors.New("mastodon: the server's URL is missing")
	case o.Token == "" || strings.ContainsAny(o.Token, " \r\n"):
		return nil, errors.New("mastodon: the secret is no access token")
	case o.Inbox == nil || o.Entries == nil || o.Client == nil || o.EntryPoint == "":
		return nil, errors.New("mastodon: needs an entry point, an inbox, entry points and a client")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	for _, d := range []struct {
		of *time.Duration
		is time.Duration
	}{{&o.Pause, time.Second}, {&o.Longest, 5 * time.Minute}, {&o.Quiet, 90 * time.Second}} {
		if *d.of == 0 {
			*d.of = d.is
		}
	}
	if o.Settings.Poll == 0 {
		o.Settings.Poll = defaultPoll
	}
	if o.Settings.Max == 0 {
		o.Settings.Max = defaultMax
	}
	base := strings.TrimSuffix(o.Settings.Server, "/")
	return &Account{Options: o, host: server.Host, panics: map[string]int{}, api: api{base: base, token: o.Token, http: o.Client, clock: o.Clock}}, nil
}
