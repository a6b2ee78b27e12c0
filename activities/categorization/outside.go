package categorization

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/safehttp"
)

// Outside is a classifier behind HTTP. It is told the text, its language and the names of the categories, and nothing of the customer; it answers with
// confidences. After several failures in a row it is left alone for a while, so that an outage does not cost every message the time-out.
type Outside struct {
	URL     string
	Token   string           // sent as a bearer token where it is set
	Client  *safehttp.Client // its time-out bounds the question
	Names   func() []string  // of the category tree; what is not in it is not taken from the answer
	Timeout time.Duration    // of one question
	Clock   func() time.Time

	mu     sync.Mutex
	failed int // in a row
	until  time.Time
}

const (
	mostBytes = 16 << 10 // of a text that are sent
	patience  = 3        // failures in a row, after which it rests
	rest      = 30 * time.Second
)

// question and verdict are what is said over HTTP.
type question struct {
	Text       string   `json:"text"`
	Language   string   `json:"language"`
	Categories []string `json:"categories"`
}

type verdict struct {
	Categories []interaction.RankedCategory `json:"categories"`
}

// Name is the host that is asked.
func (o *Outside) Name() string {
	u, err := url.Parse(o.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Ready reports whether it may be asked: it does not rest after failures.
func (o *Outside) Ready() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.Clock().Before(o.until)
}

// Classify asks for the categories of a text, best first. The error's code tells why there are none: timeout, unreachable, refused, unreadable.
func (o *Outside) Classify(ctx context.Context, text, language string) ([]interaction.RankedCategory, error) {
	ranked, err := o.ask(ctx, question{Text: clip(text), Language: language, Categories: o.Names()})
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.failed = 0
		return ranked, nil
	}
	if o.failed++; o.failed >= patience {
		o.until = o.Clock().Add(rest)
	}
	return nil, err
}

func (o *Outside) ask(ctx context.Context, q question) ([]interaction.RankedCategory, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	body, err := json.Marshal(q)
	if err != nil {
		return nil, interaction.Unavailable("unreadable", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(body))
	if err != nil {
		return nil, interaction.Unavailable("unreachable", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+o.Token)
	}
	answer, err := o.Client.Do(r)
	if err != nil {
		return nil, interaction.Unavailable(why(err), err)
	}
	if answer.Status != http.StatusOK {
		return nil, interaction.Unavailable("refused", nil)
	}
	var v verdict
	if err := json.Unmarshal(answer.Body, &v); err != nil {
		return nil, interaction.Unavailable("unreadable", err)
	}
	return o.believable(v.Categories)
}

func why(err error) string {
	var slow net.Error
	switch {
	case errors.Is(err, safehttp.ErrTooLarge):
		return "unreadable"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	}
	return "unreachable"
}

// believable checks an answer: confidences between 0 and 1, categories that there are, each once, the best first. What is not in the tree is left out.
func (o *Outside) believable(said []interaction.RankedCategory) ([]interaction.RankedCategory, error) {
	names := o.Names()
	var ranked []interaction.RankedCategory
	for _, c := range said {
		if c.Confidence < 0 || c.Confidence > 1 {
			return nil, interaction.Unavailable("unreadable", nil)
		}
		known := slices.Contains(names, c.Category)
		if known && !slices.ContainsFunc(ranked, func(r interaction.RankedCategory) bool { return r.Category == c.Category }) {
			ranked = append(ranked, c)
		}
	}
	slices.SortStableFunc(ranked, func(a, b interaction.RankedCategory) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return ranked[:min(most, len(ranked))], nil
}

// clip cuts a text at a letter's end.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= mostBytes {
		return s
	}
	end := mostBytes
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
