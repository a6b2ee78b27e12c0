package telegram

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// Kind is the link's, and the network's in posts.
const Kind = "telegram"

// Settings are those of a link of kind telegram. Its secret is the bot's token.
type Settings struct {
	API     string `json:"api,omitempty"`         // default https://api.telegram.org
	Webhook string `json:"webhook_url,omitempty"` // of the entry point, https://host/in/NAME/: Telegram calls it; empty: updates are fetched
	Groups  bool   `json:"groups,omitempty"`      // messages of groups are taken too, as open ones
	Deleted string `json:"deleted,omitempty"`     // "hide" (default) or "show" what a customer took back
	Max     int    `json:"max_characters,omitempty"`
}

// CheckSettings tells what is wrong with a link's settings, naming the field.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	switch {
	case l.Secret == "":
		return interaction.Invalid("required", "secret", "is missing; write where the bot's token is: env:PARLEY_LINK_NAME or file:NAME")
	case s.API != "" && safehttp.CheckURL(s.API) != nil:
		return interaction.Invalid("bad_setting", "api", "must be the URL of a Bot API server")
	case s.Webhook != "" && (safehttp.CheckURL(s.Webhook) != nil || !strings.HasPrefix(s.Webhook, "https://")):
		return interaction.Invalid("bad_setting", "webhook_url", "must be the URL under which Telegram calls the entry point: https://host/in/NAME/")
	case s.Deleted != "" && s.Deleted != "hide" && s.Deleted != "show":
		return interaction.Invalid("bad_setting", "deleted", "must be hide or show")
	case s.Max < 0 || s.Max > maxCharacters:
		return interaction.Invalid("bad_setting", "max_characters", "must be 1 to %d", maxCharacters)
	}
	return nil
}

// Options are what a Bot works with.
type Options struct {
	Settings   Settings
	EntryPoint string
	Token      string
	Inbox      interaction.Inbox
	Entries    interaction.EntryPoints
	Client     *safehttp.Client // its time limit must be longer than a poll, see PollTime
	Log        *slog.Logger
	Pause      time.Duration // before the first new try after a failure, doubled with each; default 1 s
	Longest    time.Duration // pause; default 5 min
	Clock      func() time.Time
}

// PollTime is how long the API holds a request for updates when there are none.
const PollTime = 25 * time.Second

// Bot is one bot: a Puller, a Sender from any process, and an HTTPAdapter where it has a webhook.
type Bot struct {
	Options
	id  string // the number in front of the token's colon
	api api

	panics map[int64]int // of updates, by number

	rest sending.Rest // before the next message
}

var (
	_ interaction.Puller      = (*Bot)(nil)
	_ interaction.Sender      = (*Bot)(nil)
	_ interaction.HTTPAdapter = (*Bot)(nil)
)

// tokenForm is what BotFather gives: the bot's id and a secret.
var tokenForm = regexp.MustCompile(`^([0-9]{1,20}):[A-Za-z0-9_-]{10,}$`)

// New checks the options.
func New(o Options) (*Bot, error) {
	found := tokenForm.FindStringSubmatch(o.Token)
	if found == nil {
		return nil, errors.New("telegram: the secret is no bot's token; it looks like 123456789:AAE…")
	}
	if o.Inbox == nil || o.Entries == nil || o.Client == nil || o.EntryPoint == "" {
		return nil, errors.New("telegram: needs an entry point, an inbox, entry points and a client")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	if o.Longest == 0 {
		o.Longest = 5 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Settings.API == "" {
		o.Settings.API = "https://api.telegram.org"
	}
	if o.Settings.Max == 0 {
		o.Settings.Max = maxCharacters
	}
	base := strings.TrimSuffix(o.Settings.API, "/")
	return &Bot{Options: o, id: found[1], panics: map[int64]int{}, api: api{base: base, token: o.Token, http: o.Client, clock: o.Clock}}, nil
}

// secret is what Telegram's calls of the webhook prove themselves with. It follows from the token, so that nobody has to keep a second one.
func (b *Bot) secret() string {
	mac := hmac.New(sha256.New, []byte(b.Token))
	mac.Write([]byte("parley webhook " + b.EntryPoint))
	return hex.EncodeToString(mac.Sum(nil))
}
