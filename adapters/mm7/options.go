package mm7

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
)

// Settings are those of a link of kind mm7.
type Settings struct {
	URL       string `json:"url"`        // where SubmitReq is posted; empty: nothing is sent over MM7
	VASP      string `json:"vaspid"`     // how the centre knows us
	VAS       string `json:"vasid"`      // and the service
	User      string `json:"user"`       // name of HTTP basic authentication in both directions; the link's secret is the password
	Open      bool   `json:"open"`       // posts without a password are taken: only behind a firewall or a tunnel
	MaxBytes  int64  `json:"max_bytes"`  // of one post; default 10 MiB
	MaxSubmit int64  `json:"max_submit"` // of the files of one answer; default 600,000 bytes, what most centres take
	Version   string `json:"version"`    // MM7Version of our requests; default 6.8.0
	Namespace string `json:"namespace"`  // of our requests, for centres that insist on another
	Reports   bool   `json:"reports"`    // ask for delivery reports
}

// Options are what an Adapter works with.
type Options struct {
	Settings Settings
	Password string
	Inbox    interaction.Inbox
	Entries  interaction.EntryPoints
	Client   *safehttp.Client               // for SubmitReq; its limits are the caller's
	Address  func(*http.Request) netip.Addr // of who posts; nil: the connection's
	Receipts interaction.Receipts           // what delivery reports are told to; nil: they are answered and dropped
	Timeout  time.Duration                  // for the inbox; default 4.5 s
	Logger   *slog.Logger
}

// Defaults and bounds.
const (
	defaultMaxBytes  = 10 << 20
	largestMaxBytes  = 64 << 20
	defaultMaxSubmit = 600_000
)

// CheckSettings tells what is wrong with a link's settings, naming the field.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	return s.check(l.Secret != "")
}

func (s *Settings) check(secret bool) error {
	if s.URL != "" {
		if err := safehttp.CheckURL(s.URL); err != nil {
			return interaction.Invalid("bad_value", "url", "%v; write the centre's address, e.g. https://mmsc.example.net/mm7", err)
		}
	}
	switch {
	case s.User == "" && !s.Open:
		return interaction.Invalid("required", "user", "is missing; write the name that the centre signs in with, or open: true where a tunnel or firewall keeps others out")
	case s.User != "" && (!secret || strings.Contains(s.User, ":")):
		return interaction.Invalid("bad_value", "user", "needs a secret beside it, and no colon in it")
	case s.MaxBytes < 0 || s.MaxBytes > largestMaxBytes:
		return interaction.Invalid("bad_value", "max_bytes", "is out of bounds; write up to %d", largestMaxBytes)
	case s.MaxSubmit < 0 || s.MaxSubmit > largestMaxBytes:
		return interaction.Invalid("bad_value", "max_submit", "is out of bounds; write up to %d", largestMaxBytes)
	}
	return nil
}

// Adapter is one centre's way in and out. It is safe for concurrent use.
type Adapter struct {
	opts  Options
	ended chan struct{} // closed by Stop
	busy  chan struct{} // one for each post that is read: memory is bounded by their number
}

var (
	_ interaction.HTTPAdapter = (*Adapter)(nil)
	_ interaction.Adapter     = (*Adapter)(nil)
	_ interaction.Sender      = (*Adapter)(nil)
)

// maxPosts is how many posts are read at a time; the others are told to come again.
const maxPosts = 32

// New checks the options.
func New(o Options) (*Adapter, error) {
	if err := o.Settings.check(o.Password != ""); err != nil {
		return nil, fmt.Errorf("mm7: %w", err)
	}
	if o.Inbox == nil || o.Entries == nil {
		return nil, fmt.Errorf("mm7: needs an inbox and entry points")
	}
	if o.Settings.MaxBytes == 0 {
		o.Settings.MaxBytes = defaultMaxBytes
	}
	if o.Settings.MaxSubmit == 0 {
		o.Settings.MaxSubmit = defaultMaxSubmit
	}
	if o.Timeout == 0 {
		o.Timeout = 4500 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Client == nil {
		o.Client = safehttp.New(safehttp.Options{Timeout: 30 * time.Second})
	}
	return &Adapter{opts: o, ended: make(chan struct{}), busy: make(chan struct{}, maxPosts)}, nil
}

// known reports whether a post comes with the right name and password. Both are compared whole, whatever their length.
func (a *Adapter) known(r *http.Request) bool {
	if a.opts.Settings.User == "" {
		return a.opts.Settings.Open
	}
	user, password, ok := r.BasicAuth()
	return ok && same(user, a.opts.Settings.User) && same(password, a.opts.Password)
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
