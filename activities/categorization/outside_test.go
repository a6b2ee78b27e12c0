package categorization

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/text"
)

// outside gives a classifier that a handler answers for, and the clock that it goes by.
func outside(t *testing.T, handler http.HandlerFunc, allow ...netip.Prefix) (*Outside, *time.Time) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &Outside{
		URL: server.URL, Token: "secret", Timeout: 2 * time.Second, Clock: func() time.Time { return now }, Names: func() []string { return []string{"order", "password"} },
		Client: safehttp.New(safehttp.Options{Allow: allow, Timeout: 2 * time.Second, MaxBody: 4 << 10}),
	}, &now
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func TestTheQuestion(t *testing.T) {
	var got question
	var header http.Header
	o, _ := outside(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		_ = json.NewDecoder(r.Body).Decode(&got)
		_, _ = io.WriteString(w, `{"categories": [{"category": "order", "confidence": 0.2}, {"category": "password", "confidence": 0.7},
			{"category": "unheard of", "confidence": 0.9}, {"category": "password", "confidence": 0.1}]}`)
	}, loopback)
	ranked, err := o.Classify(t.Context(), "I forgot it\xff "+strings.Repeat("ä", mostBytes), "en")
	require.NoError(t, err)
	require.Equal(t, []interaction.RankedCategory{{Category: "password", Confidence: 0.7}, {Category: "order", Confidence: 0.2}}, ranked)
	require.Equal(t, "Bearer secret", header.Get("Authorization"))
	require.Equal(t, "en", got.Language)
	require.Equal(t, []string{"order", "password"}, got.Categories)
	require.LessOrEqual(t, len(got.Text), mostBytes)
	require.True(t, strings.HasPrefix(got.Text, "I forgot it\uFFFD ä"), got.Text[:20])
	require.True(t, strings.HasSuffix(got.Text, "ä"), "cut at a letter's end")
}

func TestAnswersThatAreNone(t *testing.T) {
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		allow   []netip.Prefix
		code    string
	}{
		"an error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, []netip.Prefix{loopback}, "refused"},
		"no JSON":  {says("<html>"), []netip.Prefix{loopback}, "unreadable"},
		"too sure": {says(`{"categories": [{"category": "order", "confidence": 1.5}]}`), []netip.Prefix{loopback}, "unreadable"},
		"endless":  {says(strings.Repeat(" ", 8<<10)), []netip.Prefix{loopback}, "unreadable"},
		"nothing in time": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees that the caller has gone only then
			<-r.Context().Done()
		}, []netip.Prefix{loopback}, "timeout"},
		"a forbidden network": {says(`{"categories": []}`), nil, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := outside(t, c.handler, c.allow...)
			if c.code == "timeout" {
				o.Timeout = 50 * time.Millisecond
			}
			_, err := o.Classify(t.Context(), "where is my parcel", "en")
			var ours *interaction.Error
			require.ErrorAs(t, err, &ours)
			require.Equal(t, c.code, ours.Code)
		})
	}
}

// After three failures in a row it is left alone for half a minute.
func TestItRestsAfterFailures(t *testing.T) {
	working := false
	o, now := outside(t, func(w http.ResponseWriter, _ *http.Request) {
		if !working {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"categories": []}`)
	}, loopback)
	ask := func() { _, _ = o.Classify(t.Context(), "where is my parcel", "en") }
	ask()
	ask()
	working = true
	ask()
	working = false
	ask()
	ask()
	require.True(t, o.Ready(), "an answer between begins the count anew")
	ask()
	require.False(t, o.Ready())
	*now = now.Add(rest)
	require.True(t, o.Ready())
	ask()
	require.False(t, o.Ready(), "once more is enough now")
}

// A ranking from elsewhere is held against the same thresholds as the own model's.
func TestDecide(t *testing.T) {
	low := 0.3
	state, err := Load(nil, []interaction.CategorySetup{{Name: "order", RouteThreshold: &low}, {Name: "password"}})
	require.NoError(t, err)
	var c Categorizer
	require.Empty(t, c.Decide([]interaction.RankedCategory{{Category: "order", Confidence: 1}}), "before anything is loaded nothing is known")
	c.Use(state)
	require.Equal(t, []string{"order", "password"}, c.Names())
	require.Equal(t, "order", c.Decide([]interaction.RankedCategory{{Category: "order", Confidence: 0.4}}).Best)
	require.Empty(t, c.Decide([]interaction.RankedCategory{{Category: "password", Confidence: 0.4}}).Best)
	require.True(t, c.Decide([]interaction.RankedCategory{{Category: "password", Confidence: 0.9}}).Certain)
	require.Empty(t, c.Decide(nil).Best)
}

// A model that gives a text several categories gives all that are above their own thresholds; several at once are not answered by itself.
func TestSeveral(t *testing.T) {
	var list []text.Labelled
	for i := range 40 {
		list = append(list, text.Labelled{Text: fmt.Sprintf("cancel the booking %d", i), Categories: []string{"cancel"}},
			text.Labelled{Text: fmt.Sprintf("refund my money %d", i), Categories: []string{"refund"}},
			text.Labelled{Text: fmt.Sprintf("cancel it and refund my money %d", i), Categories: []string{"cancel", "refund"}},
			text.Labelled{Text: fmt.Sprintf("thank you and good bye %d", i)})
	}
	m, err := text.TrainSet(text.NewSet(list), text.Options{})
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = m.WriteTo(&out)
	require.NoError(t, err)
	never := 1.01
	for name, c := range map[string]struct {
		refund  *float64
		text    string
		several []string
		certain bool
	}{
		"both":                 {nil, "please cancel and refund my money", []string{"cancel", "refund"}, false},
		"one":                  {nil, "refund my money please", []string{"refund"}, true},
		"by its own threshold": {&never, "please cancel and refund my money", []string{"cancel"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			low := 0.3
			state, err := Load([]interaction.Model{{ID: "m", Language: "en", Data: out.Bytes()}}, []interaction.CategorySetup{
				{Name: "cancel", AutoThreshold: &low}, {Name: "refund", RouteThreshold: c.refund, AutoThreshold: &low},
			})
			require.NoError(t, err)
			var categorizer Categorizer
			categorizer.Use(state)
			got := categorizer.Categorize(c.text, "en")
			var names []string
			for _, r := range got.Several {
				names = append(names, r.Category)
			}
			require.ElementsMatch(t, c.several, names, "%+v", got.Ranked)
			require.Equal(t, got.Several[0].Category, got.Best)
			require.Equal(t, c.certain, got.Certain, "%+v", got.Ranked)
		})
	}
}

// What fits into none of a model's categories has none, and is not answered by itself where the best of them is certain.
func TestUnfit(t *testing.T) {
	always := 0.0
	state, err := Load([]interaction.Model{tiny(t)}, []interaction.CategorySetup{{Name: "password", RouteThreshold: &always}, {Name: "order", RouteThreshold: &always}})
	require.NoError(t, err)
	var c Categorizer
	c.Use(state)
	got := c.Categorize("zebras grazing beneath volcanic skies", "en")
	require.True(t, got.Unfit)
	require.Empty(t, got.Best)
	require.NotEmpty(t, got.Ranked, "the ranking is kept all the same")
	require.False(t, c.Categorize("I forgot my password, please reset it", "en").Unfit)

	state, err = Load([]interaction.Model{tiny(t)}, []interaction.CategorySetup{{Name: "password", AutoThreshold: &always, RouteThreshold: &always}, {Name: "order", AutoThreshold: &always, RouteThreshold: &always}})
	require.NoError(t, err)
	c.Use(state)
	got = c.Categorize("zebras grazing beneath volcanic skies", "en")
	require.True(t, got.Unfit)
	require.NotEmpty(t, got.Best, "people get it by its category")
	require.False(t, got.Certain)
}
