package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

const someID = "0190c0de-0000-7000-8000-000000000001"

// accepting is a fake that takes whatever reaches it; only what is well-formed may.
func accepting() *fake {
	return &fake{
		reply: func(r interaction.Reply, _ int64) (interaction.Message, error) {
			return interaction.Message{Number: 2, Text: r.Text}, nil
		},
		list: func(interaction.InteractionFilter, interaction.Page) (interaction.Listed[interaction.Interaction], error) {
			return interaction.Listed[interaction.Interaction]{Next: "0190"}, nil
		},
		claim: func(context.Context, interaction.Actor, interaction.ID) (interaction.Task, error) {
			return interaction.Task{ID: someID}, nil
		},
	}
}

func TestBadBodies(t *testing.T) {
	c := newCaller(t, accepting())
	path := "/v1/tasks/" + someID + "/reply"
	require.Equal(t, 201, c.do(post, path, `{"text":"Hello"}`).status)
	many := make([]string, 500)
	for n := range many {
		many[n] = fmt.Sprintf(`{"address":"a%d@b.test"}`, n)
	}
	const jsonType = "application/json"
	tests := []struct {
		name, body, contentType string
		status                  int
		code, field             string
	}{
		{"R-11 no text", `{"text":" "}`, jsonType, 422, "required", "text"},
		{"R-11 10 MiB", `{"text":"` + strings.Repeat("x", 10<<20) + `"}`, jsonType, 413, "too_large", ""},
		{"a text over its limit", `{"text":"` + strings.Repeat("x", 1<<20+1) + `"}`, jsonType, 422, "bad_value", "text"},
		{"R-11 line break in the subject", `{"text":"x","subject":"a\r\nBcc: b@c.test"}`, jsonType, 422, "bad_line", "subject"},
		{"R-11 500 recipients", `{"text":"x","cc":[` + strings.Join(many, ",") + `]}`, jsonType, 422, "bad_value", "cc"},
		{"an address with a line break", `{"text":"x","cc":[{"address":"a@b.test\r\nBcc: c@d.test"}]}`, jsonType, 422, "bad_address", "cc[0].address"},
		{"two addresses in one", `{"text":"x","cc":[{"address":"a@b.test, c@d.test"}]}`, jsonType, 422, "bad_address", "cc[0].address"},
		{"a name in the address", `{"text":"x","cc":[{"address":"A <a@b.test>"}]}`, jsonType, 422, "bad_address", "cc[0].address"},
		{"R-19 unknown field", `{"text":"x","colour":"red"}`, jsonType, 400, "unknown_field", "colour"},
		{"R-19 other case", `{"Text":"x"}`, jsonType, 400, "unknown_field", "Text"},
		{"R-19 duplicate key", `{"text":"x","text":"y"}`, jsonType, 400, "duplicate_field", "text"},
		{"R-19 duplicate key inside", `{"text":"x","cc":[{"address":"a@b.test","address":"c@d.test"}]}`, jsonType, 400, "duplicate_field", "address"},
		{"R-19 trailing data", `{"text":"x"} {}`, jsonType, 400, "trailing_data", ""},
		{"R-19 trailing bracket", `{"text":"x"}}`, jsonType, 400, "trailing_data", ""},
		{"R-19 NaN", `{"text":NaN}`, jsonType, 400, "bad_json", ""},
		{"R-19 64-bit overflow", `{"text":9223372036854775808}`, jsonType, 400, "number_out_of_range", ""},
		{"R-19 float overflow", `{"text":1e400}`, jsonType, 400, "number_out_of_range", ""},
		{"cut", `{"text":"x"`, jsonType, 400, "bad_json", ""},
		{"not JSON", `text=x`, jsonType, 400, "bad_json", ""},
		{"too deep", strings.Repeat("[", 10000), jsonType, 400, "too_deep", ""},
		{"broken UTF-8", "{\"text\":\"\xff\"}", jsonType, 400, "bad_encoding", ""},
		{"NUL", `{"text":"a\u0000b"}`, jsonType, 400, "bad_character", ""},
		{"an array", `[]`, jsonType, 422, "bad_value", ""},
		{"null", `null`, jsonType, 422, "bad_value", ""},
		{"another type", `{"text":5}`, jsonType, 422, "bad_value", "text"},
		{"no body", ``, "", 400, "http_400", ""},
		{"bad attachment", `{"text":"x","attachments":["../etc"]}`, jsonType, 422, "bad_id", "attachments"},
		{"a disposition that is no code", `{"text":"x","disposition":"A b"}`, jsonType, 422, "bad_value", "disposition"},
		{"R-20 form", `text=x`, "application/x-www-form-urlencoded", 415, "unsupported_media_type", "Content-Type"},
		{"R-20 other charset", `{"text":"x"}`, "application/json; charset=utf-16", 415, "unsupported_media_type", "Content-Type"},
		{"R-20 no type", `{"text":"x"}`, " ", 415, "unsupported_media_type", "Content-Type"},
		{"problem as type", `{"text":"x"}`, problemType, 415, "unsupported_media_type", "Content-Type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.do(post, path, tt.body, "Content-Type", tt.contentType)
			require.Equal(t, tt.status, got.status, got)
			require.Equal(t, tt.code, got.str("code"), got)
			require.Equal(t, tt.field, got.str("field"), got)
		})
	}
	t.Run("UTF-8 by name is fine", func(t *testing.T) {
		require.Equal(t, 201, c.do(post, path, `{"text":"ä"}`, "Content-Type", "application/json; charset=UTF-8").status)
	})
	t.Run("a body where none belongs", func(t *testing.T) {
		claim := "/v1/tasks/" + someID + "/claim"
		require.Equal(t, 200, c.do(post, claim, `{}`).status)
		require.Equal(t, 400, c.do(post, claim, `{"agent":"me"}`).status)
		require.Equal(t, 400, c.do(post, claim, `[]`).status)
	})
	t.Run("an encoding", func(t *testing.T) {
		require.Equal(t, 415, c.do(post, path, `{"text":"x"}`, "Content-Encoding", "gzip").status)
	})
	t.Run("the value is not given back", func(t *testing.T) {
		got := c.do(post, path, `{"text":"x","disposition":"<script>alert(1)</script>"}`)
		require.NotContains(t, string(got.raw), "script")
	})
}

func TestBadHeaders(t *testing.T) {
	c := newCaller(t, accepting())
	path := "/v1/tasks/" + someID + "/reply"
	for _, h := range []string{"3", `W/"3"`, `"x"`, `"0"`, `"-1"`, `"3", "4"`, `"9223372036854775808"`, `"`} {
		got := c.do(post, path, `{"text":"x"}`, "If-Match", h)
		require.Equal(t, 400, got.status, "%s: %s", h, got)
		require.Equal(t, "If-Match", got.str("field"))
	}
	require.Equal(t, 201, c.do(post, path, `{"text":"x"}`, "If-Match", `"3"`).status)
	require.Equal(t, 201, c.do(post, path, `{"text":"x"}`, "If-Match", `*`).status)
	for _, key := range []string{strings.Repeat("x", 201), "a b", "ä"} {
		require.Equal(t, 400, c.do(post, path, `{"text":"x"}`, "Idempotency-Key", key).status, key)
	}
}

func TestBadQueries(t *testing.T) {
	c := newCaller(t, accepting())
	first := c.do(get, "/v1/interactions?state=waiting", "")
	require.Equal(t, 200, first.status, first)
	cursor := first.str("next_cursor")
	require.NotEmpty(t, cursor)
	require.Equal(t, 200, c.do(get, "/v1/interactions?state=waiting&cursor="+cursor, "").status)
	tests := map[string]string{
		"R-16 unknown filter":              "colour=red",
		"R-16 an operator":                 "state[$ne]=waiting",
		"R-16 1,000 terms":                 "state=" + strings.Repeat("waiting,", 999) + "waiting",
		"R-16 a long filter":               "category=" + strings.Repeat("x", 1000),
		"R-16 an unknown value":            "state=lost",
		"R-16 an unknown order":            "sort=subject",
		"R-16 a filter twice":              "queue=a&queue=b",
		"R-17 limit 0":                     "limit=0",
		"R-17 limit -1":                    "limit=-1",
		"R-17 limit 10^9":                  "limit=1000000000",
		"R-17 limit beyond 64 bits":        "limit=99999999999999999999",
		"R-17 limit in words":              "limit=all",
		"R-17 cursor made up":              "cursor=abc",
		"R-17 cursor changed":              "state=waiting&cursor=" + cursor[:len(cursor)-2] + "AA",
		"R-17 cursor of another filter":    "state=stopped&cursor=" + cursor,
		"R-17 cursor of another order":     "state=waiting&sort=priority&cursor=" + cursor,
		"R-17 cursor that is not base64":   "cursor=%25%25%25",
		"an id that is none":               "contact_id=1",
		"a time that is none":              "opened_after=yesterday",
		"a priority that is none":          "priority=high",
		"a NUL":                            "queue=%00",
		"broken UTF-8":                     "queue=%ff",
		"a query that cannot be read":      "queue=%zz",
		"a semicolon":                      "queue=a;b=c",
		"a channel that nobody listens to": "channel=fax",
	}
	for name, query := range tests {
		t.Run(name, func(t *testing.T) {
			got := c.do(get, "/v1/interactions?"+query, "")
			require.Equal(t, 400, got.status, got)
			require.Less(t, len(got.raw), 5000)
		})
	}
	t.Run("too many words", func(t *testing.T) {
		require.Equal(t, 400, c.do(get, "/v1/responses?q="+strings.Repeat("a+", 50), "").status)
	})
}

func TestBadTokens(t *testing.T) {
	c := newCaller(t, accepting())
	token := c.token
	for name, header := range map[string]string{
		"none": "", "another scheme": "Basic YTpi", "no token": "Bearer", "alg none": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
		"cut": "Bearer " + token[:len(token)-1], "not ours": "Bearer abc", "the bare token": token,
	} {
		t.Run(name, func(t *testing.T) {
			c.token = ""
			got := c.do(get, "/v1/interactions", "", "Authorization", header)
			require.Equal(t, 401, got.status, got)
			require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer")
		})
	}
	t.Run("guessing is slowed down, and nobody else", func(t *testing.T) {
		f := accepting()
		good := newCaller(t, f)
		f.actor = func(hash []byte) (interaction.Actor, error) {
			if interaction.ID(hash) != "" && string(hash) == goodHash(good.token) {
				return interaction.Actor{Role: interaction.RoleAgent, Token: "t"}, nil
			}
			return interaction.Actor{}, interaction.Unknown("token")
		}
		statuses := map[int]int{}
		for n := range 15 {
			guess := fmt.Sprintf("Bearer parley_%s%02d", strings.Repeat("A", 40), n) + "A"
			statuses[request(t, good.url, "", get, "/v1/interactions", "", "Authorization", guess).status]++
		}
		require.Equal(t, map[int]int{401: 10, 429: 5}, statuses)
		require.Equal(t, 200, good.do(get, "/v1/interactions", "").status)
	})
}

func TestARateIsEachTokensOwn(t *testing.T) {
	c := newCaller(t, accepting(), func(d *Deps) { d.RatePerSecond, d.Burst = 1, 5 })
	other := newCallerOf(t, c)
	statuses := map[int]int{}
	for range 20 {
		statuses[c.do(get, "/v1/interactions", "").status]++
	}
	require.GreaterOrEqual(t, statuses[http.StatusTooManyRequests], 10)
	require.GreaterOrEqual(t, statuses[http.StatusOK], 5)
	require.Equal(t, 200, other.do(get, "/v1/interactions", "").status)
}

func TestDownloadsAreFiles(t *testing.T) {
	f := accepting()
	f.message = func() interaction.Message {
		return interaction.Message{Number: 1, Inbound: someID, Attachments: []interaction.File{{Name: "a\"b\r\nX: y/../<ä>.html", Type: "text/html"}}}
	}
	c := newCaller(t, f)
	for path, kind := range map[string]string{"raw": "message/rfc822", "attachments/1": "text/html"} {
		got := c.do(get, "/v1/interactions/"+someID+"/messages/1/"+path, "")
		require.Equal(t, 200, got.status, got)
		require.Equal(t, "raw mail", string(got.raw))
		require.Equal(t, kind, got.header.Get("Content-Type"))
		require.True(t, strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment"), got.header)
		require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Empty(t, got.header.Get("X"))
	}
	for _, path := range []string{"attachments/0", "attachments/2", "attachments/x", "attachments/-1"} {
		require.Equal(t, 404, c.do(get, "/v1/interactions/"+someID+"/messages/1/"+path, "").status, path)
	}
	require.Equal(t, 404, c.do(get, "/v1/interactions/"+someID+"/messages/0/raw", "").status)
}

func FuzzStrictAgreesWithItself(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,2.5,"x",null,true]}`, `{"a":1,"A":2}`, `[[[[`, `1e999`, "\xff", `"\u0000"`, `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := strict(data); err != nil {
			require.Equal(t, http.StatusBadRequest, problemOf(err).Status)
		}
	})
}
