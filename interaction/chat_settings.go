package interaction

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// What is meant where a setting says nothing, in seconds and bytes.
const (
	alertSeconds, asyncAlertSeconds = 255, 24 * 3600
	closeSeconds, asyncCloseSeconds = 45, 3600
	waitSeconds, asyncWaitSeconds   = 600, 24 * 3600

	maxChatText            = 4 << 10
	maxChatFiles           = 3
	maxChatFileBytes int64 = 2 << 20
	maxChatBytes     int64 = 5 << 20
)

// WithDefaults gives the settings with every zero value filled in.
func (c ChatSettings) WithDefaults() ChatSettings {
	alert, closing, wait := alertSeconds, closeSeconds, waitSeconds
	if c.Async {
		alert, closing, wait = asyncAlertSeconds, asyncCloseSeconds, asyncWaitSeconds
	}
	orElse(&c.AlertSeconds, alert)
	orElse(&c.CloseSeconds, closing)
	orElse(&c.MaxText, maxChatText)
	orElse(&c.MaxFiles, maxChatFiles)
	orElse(&c.MaxFileBytes, maxChatFileBytes)
	orElse(&c.MaxBytes, maxChatBytes)
	orElse(&c.WaitSeconds, wait)
	orElse(&c.WrapUpSeconds, 600)
	orElse(&c.WhenNobody, InsteadMessage)
	orElse(&c.WhenClosed, InsteadMessage)
	orElse(&c.WhenGone, InsteadMessage)
	orElse(&c.Transcript, TranscriptAsked)
	return c
}

func orElse[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Limits are what a client is told.
func (c ChatSettings) Limits() ChatLimits {
	return ChatLimits{MaxText: c.MaxText, MaxFiles: c.MaxFiles, MaxFileBytes: c.MaxFileBytes, MaxBytes: c.MaxBytes, Transcript: c.Transcript}
}

// Check says everything that is wrong with the settings, each with the field.
func (c ChatSettings) Check() []error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, Invalid("bad_value", field, format, args...))
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || o != u.Scheme+"://"+u.Host {
			wrong("origins", "%q is not an origin; write for example https://www.example.com", o)
		}
	}
	for _, n := range []struct {
		field   string
		is, max int64
	}{
		{"alert_seconds", int64(c.AlertSeconds), 30 * 24 * 3600},
		{"second_alert_seconds", int64(c.SecondAlert), 30 * 24 * 3600},
		{"close_seconds", int64(c.CloseSeconds), 30 * 24 * 3600},
		{"wait_seconds", int64(c.WaitSeconds), 24 * 3600},
		{"wrap_up_seconds", int64(c.WrapUpSeconds), 24 * 3600},
		{"max_text", int64(c.MaxText), 16 << 10},
		{"max_files", int64(c.MaxFiles), 100},
		{"max_file_bytes", c.MaxFileBytes, 10 << 20},
		{"max_bytes", c.MaxBytes, 100 << 20},
	} {
		if n.is < 0 || n.is > n.max {
			wrong(n.field, "%d is not between 0 (the default) and %d", n.is, n.max)
		}
	}
	for _, p := range []struct{ field, is string }{{"when_nobody", c.WhenNobody}, {"when_closed", c.WhenClosed}, {"when_gone", c.WhenGone}} {
		switch p.is {
		case "", InsteadMessage, InsteadStop:
		case InsteadCallback:
			if c.Callback == "" {
				wrong(p.field, "callback needs an entry point whose form is shown; set callback to one of channel callback")
			}
		default:
			wrong(p.field, "%q is none of message, callback, stop", p.is)
		}
	}
	if c.IdentityKey != "" && !SecretPlace.MatchString(c.IdentityKey) {
		wrong("identity_secret", "is not a place; write env:PARLEY_LINK_NAME or file:NAME")
	}
	if !slices.Contains([]string{"", TranscriptAsked, TranscriptAlways, TranscriptNever}, c.Transcript) {
		wrong("transcript", "%q is none of asked, always, never", c.Transcript)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Texts)) {
		if !slices.Contains(ChatTexts, name) {
			wrong("texts."+name, "%q is none of %s", name, strings.Join(ChatTexts, ", "))
		}
	}
	return append(errs, c.checkQuestions()...)
}

func (c ChatSettings) checkQuestions() []error {
	var errs []error
	seen := map[string]bool{}
	for n, q := range c.Questions {
		at := fmt.Sprintf("questions[%d]", n)
		switch {
		case q.Key == "" || len(q.Key) > 60 || strings.Trim(q.Key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
			errs = append(errs, Invalid("bad_value", at+".key", "%q is not a key of a-z, 0-9 and _", q.Key))
		case seen[q.Key]:
			errs = append(errs, Invalid("bad_value", at+".key", "%q is asked twice", q.Key))
		}
		seen[q.Key] = true
		if len(q.Text) == 0 {
			errs = append(errs, Invalid("required", at+".text", "say what is asked, by language"))
		}
		if !slices.Contains([]string{"", "text", "email", "phone"}, q.Kind) {
			errs = append(errs, Invalid("bad_value", at+".kind", "%q is none of text, email, phone", q.Kind))
		}
	}
	return errs
}

// textWait is how long somebody waits who wrote by text, where his entry point says nothing: over a long weekend.
const textWait = 4 * 24 * 3600

// For gives the settings of an entry point of this channel with every zero value filled in; none are the defaults. Who writes by text takes his time, has no window
// to leave a message in, and what was said stands in his telephone.
func (c *ChatSettings) For(channel Channel) ChatSettings {
	var s ChatSettings
	if c != nil {
		s = *c
	}
	if channel == SMS {
		s.Async = s.Async || c == nil
		s.Transcript, s.WhenNobody, s.WhenClosed, s.WhenGone = "never", "stop", "stop", "stop"
		if s.WaitSeconds == 0 {
			s.WaitSeconds = textWait
		}
	}
	return s.WithDefaults()
}
