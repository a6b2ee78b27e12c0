package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// The kinds of links, and the networks' names in posts.
const (
	WhatsApp  = "whatsapp"
	Messenger = "messenger"
)

// Settings are those of a link of either kind.
type Settings struct {
	API     string `json:"api,omitempty"`     // default https://graph.facebook.com/v23.0
	Deleted string `json:"deleted,omitempty"` // "hide" (default) or "show" what a customer took back
	Max     int    `json:"max_characters,omitempty"`
}

// Secrets are what a link's secret holds, as a JSON object.
type Secrets struct {
	App    string `json:"app_secret"`   // signs Meta's calls
	Token  string `json:"token"`        // access token for the Graph API
	Verify string `json:"verify_token"` // that Meta shows when the webhook is set
}

// Window is how long after a customer's last message he may be answered.
const Window = 24 * time.Hour

var limits = map[string]int{WhatsApp: 4096, Messenger: 2000}

// CheckSettings tells what is wrong with a link's settings, naming the field.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	switch {
	case l.Secret == "":
		return interaction.Invalid("required", "secret", `is missing; write where {"app_secret": …, "token": …, "verify_token": …} is: env:PARLEY_LINK_NAME or file:NAME`)
	case s.API != "" && safehttp.CheckURL(s.API) != nil:
		return interaction.Invalid("bad_setting", "api", "must be the URL of the Graph API with its version")
	case s.Deleted != "" && s.Deleted != "hide" && s.Deleted != "show":
		return interaction.Invalid("bad_setting", "deleted", "must be hide or show")
	case s.Max < 0 || s.Max > limits[l.Kind]:
		return interaction.Invalid("bad_setting", "max_characters", "must be 1 to %d", limits[l.Kind])
	}
	return nil
}

// Options are what an Adapter works with.
type Options struct {
	Kind     string // WhatsApp or Messenger
	Settings Settings
	Secret   string // a JSON object, see Secrets
	Inbox    interaction.Inbox
	Entries  interaction.EntryPoints
	Receipts interaction.Receipts
	Client   *safehttp.Client
	Log      *slog.Logger
	Clock    func() time.Time
}

// Adapter is one app's way in and out. It is safe for concurrent use.
type Adapter struct {
	Options
	secrets Secrets
	base    string

	rest sending.Rest // before the next message
}

var (
	_ interaction.HTTPAdapter = (*Adapter)(nil)
	_ interaction.Sender      = (*Adapter)(nil)
)

// New checks the options.
func New(o Options) (*Adapter, error) {
	a := &Adapter{Options: o}
	if limits[o.Kind] == 0 {
		return nil, fmt.Errorf("meta: there is no kind %q", o.Kind)
	}
	if err := json.Unmarshal([]byte(o.Secret), &a.secrets); err != nil { // the error would hold a piece of it
		return nil, fmt.Errorf(`%s: the secret is no JSON object; it looks like {"app_secret": "…", "token": "…", "verify_token": "…"}`, o.Kind)
	}
	if a.secrets.App == "" || a.secrets.Token == "" || a.secrets.Verify == "" {
		return nil, fmt.Errorf("%s: the secret lacks app_secret, token or verify_token", o.Kind)
	}
	if o.Inbox == nil || o.Entries == nil || o.Receipts == nil || o.Client == nil {
		return nil, errors.New("meta: needs an inbox, entry points, receipts and a client")
	}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.Clock == nil {
		a.Clock = time.Now
	}
	if a.Settings.Max == 0 {
		a.Settings.Max = limits[o.Kind]
	}
	if a.base = strings.TrimSuffix(o.Settings.API, "/"); a.base == "" {
		a.base = "https://graph.facebook.com/v23.0"
	}
	return a, nil
}
