package template

import (
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/osteele/liquid"
)

// The filters that end every object, out of the authors' reach.
const (
	asPlain = "parley_plain"
	asHTML  = "parley_html"
)

// filterNames are the filters that authors may use.
var filterNames = []string{
	"append", "capitalize", "date", "default", "downcase", "prepend", "strip", "truncate", "upcase", "url_encode",
}

// engine knows Liquid's tags and the filters above. They are our own where
// Liquid's would panic or fail for a missing value.
var engine = func() *liquid.Engine {
	e := liquid.NewEngine()
	e.RegisterFilter(asPlain, plain)
	e.RegisterFilter(asHTML, func(value any) string { return html.EscapeString(plain(value)) })
	e.RegisterFilter("append", func(value, suffix any) string { return plain(value) + plain(suffix) })
	e.RegisterFilter("prepend", func(value, prefix any) string { return plain(prefix) + plain(value) })
	e.RegisterFilter("upcase", func(value any) string { return strings.ToUpper(plain(value)) })
	e.RegisterFilter("downcase", func(value any) string { return strings.ToLower(plain(value)) })
	e.RegisterFilter("strip", func(value any) string { return strings.TrimSpace(plain(value)) })
	e.RegisterFilter("capitalize", capitalize)
	e.RegisterFilter("url_encode", func(value any) string { return url.QueryEscape(plain(value)) })
	e.RegisterFilter("truncate", truncate)
	e.RegisterFilter("default", func(value, instead any) any {
		if plain(value) == "" || value == false {
			return instead
		}
		return value
	})
	e.RegisterFilter("date", func(value any, format func(string) string) any {
		if t, ok := value.(time.Time); ok {
			return strftime(t, format("%Y-%m-%d"))
		}
		return value
	})
	return e
}()

// plain writes a value as a person would read it.
func plain(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case time.Time:
		return value.Format("2006-01-02 15:04 MST")
	}
	return fmt.Sprint(value)
}

func capitalize(value any) string {
	text := plain(value)
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return strings.ToUpper(string(first)) + text[n:]
}

// truncate shortens to so many characters, the ellipsis included.
func truncate(value any, length func(int) int, ellipsis func(string) string) string {
	runes, end, n := []rune(plain(value)), []rune(ellipsis("…")), length(50)
	if len(runes) <= max(n, 0) {
		return string(runes)
	}
	return string(runes[:max(0, n-len(end))]) + string(end)
}

// strftime writes a time by the usual codes; one it does not know stays as it
// is written.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'I': "03", 'p': "PM",
		'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'Z': "MST", 'z': "-0700", '%': "%",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' && i+1 < len(format) {
			if layout, ok := layouts[format[i+1]]; ok {
				b.WriteString(t.Format(layout))
				i++
				continue
			}
		}
		b.WriteByte(format[i])
	}
	return b.String()
}

// cut shortens text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
