package web

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// largestWidget is what a page may have to load, compressed, whatever its language.
const largestWidget = 30_000

func TestWidgetIsSmall(t *testing.T) {
	release := load("widget")
	size, texts := 0, 0
	for name, file := range release {
		if path.Dir(name) == "texts" {
			texts = max(texts, len(file.packed)) // a page loads one language
			continue
		}
		size += len(file.packed)
	}
	require.NotZero(t, texts)
	require.Less(t, size+texts, largestWidget)
	t.Logf("%d bytes compressed, with the largest language", size+texts)
}

func TestScriptLoadsItsRelease(t *testing.T) {
	widget := Widget()
	script := ask(t, widget, "/in/shop/widget.js", nil)
	require.Equal(t, http.StatusOK, script.StatusCode)
	require.Equal(t, "text/javascript; charset=utf-8", script.Header.Get("Content-Type"))
	require.Equal(t, "no-cache", script.Header.Get("Cache-Control"))
	require.Equal(t, "*", script.Header.Get("Access-Control-Allow-Origin"))
	release := regexp.MustCompile(`widget/[0-9a-f]{12}/`).FindString(body(t, script))
	require.NotEmpty(t, release)

	for name := range load("widget") {
		file := ask(t, widget, "/in/shop/"+release+name, nil)
		require.Equal(t, http.StatusOK, file.StatusCode, name)
		require.Contains(t, file.Header.Get("Cache-Control"), "immutable", name)
		require.Contains(t, []string{"text/javascript; charset=utf-8", "text/css; charset=utf-8"}, file.Header.Get("Content-Type"), name)
	}
	older := ask(t, widget, "/in/shop/widget/000000000000/main.js", nil)
	require.Equal(t, http.StatusOK, older.StatusCode)
	require.Equal(t, "no-cache", older.Header.Get("Cache-Control"), "a page of another release is served, but must not keep it")
}

func TestFilesAreAskedForAgainCheaply(t *testing.T) {
	first := ask(t, Widget(), "/in/shop/widget.js", nil)
	again := ask(t, Widget(), "/in/shop/widget.js", http.Header{"If-None-Match": {first.Header.Get("ETag")}})
	require.Equal(t, http.StatusNotModified, again.StatusCode)

	packed := ask(t, Widget(), "/in/shop/widget.js", http.Header{"Accept-Encoding": {"gzip"}})
	require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
	plain, err := gzip.NewReader(packed.Body)
	require.NoError(t, err)
	content, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.Equal(t, body(t, first), string(content))
}

func TestNothingElseIsServed(t *testing.T) {
	for _, address := range []string{
		"/in/shop/widget/x/", "/in/shop/widget/x/..%2Fdemo%2Fchat.html", "/in/shop/widget/x/none.js", "/in/shop/other.js", "/demo/chat.html", "/demo/", "/demo/chat/x",
	} {
		handler := Widget()
		if strings.HasPrefix(address, "/demo") {
			handler = Demo("shop")
		}
		require.Equal(t, http.StatusNotFound, ask(t, handler, address, nil).StatusCode, address)
	}
}

func TestDemoPage(t *testing.T) {
	plain := ask(t, Demo("shop"), "/demo/chat", nil)
	require.Contains(t, plain.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:")
	require.NotContains(t, plain.Header.Get("Content-Security-Policy"), "unsafe")
	page := body(t, plain)
	require.Contains(t, page, `<script src="/in/shop/widget.js" async></script>`)
	require.NotContains(t, page, "style=")
	require.Contains(t, body(t, ask(t, Demo("shop"), "/demo/chat?language=ar", nil)), `async data-language="ar"`)
	require.NotContains(t, body(t, ask(t, Demo("shop"), `/demo/chat?language="><script>`, nil)), "data-language")
	require.Equal(t, "text/css; charset=utf-8", ask(t, Demo("shop"), "/demo/chat.css", nil).Header.Get("Content-Type"))
}

// key is a line of a language's file: its name and its gaps, such as {name}.
var (
	key = regexp.MustCompile(`(?m)^  (\w+): "(.*)",$`)
	gap = regexp.MustCompile(`\{\w+\}`)
)

func TestLanguagesSayTheSame(t *testing.T) {
	release := load("widget")
	english := spoken(t, release, "en")
	for _, l := range languages {
		texts := spoken(t, release, l.Code)
		require.Equal(t, slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(texts)), l.Code)
		for name, text := range texts {
			require.ElementsMatch(t, gap.FindAllString(english[name], -1), gap.FindAllString(text, -1), "%s of %s", name, l.Code)
		}
		require.Contains(t, string(release["texts.js"].plain), `"`+l.Code+`"`)
	}
	for name := range release {
		if path.Dir(name) == "texts" {
			code := strings.TrimSuffix(path.Base(name), ".js")
			require.True(t, slices.ContainsFunc(languages, func(l language) bool { return l.Code == code }), name)
		}
	}
}

// used is a text that the widget says.
var used = regexp.MustCompile(`\bsay\(\s*"(\w+)"`)

func TestEveryTextIsThereAndSaid(t *testing.T) {
	release := load("widget")
	english := spoken(t, release, "en")
	whole := ""
	for name, file := range release {
		if path.Dir(name) != "texts" {
			whole += string(file.plain)
		}
	}
	for _, found := range used.FindAllStringSubmatch(whole, -1) {
		require.Contains(t, english, found[1])
	}
	for name := range english {
		if strings.HasPrefix(name, "over_") || strings.HasPrefix(name, "error_") {
			continue // chosen by a code of the server's
		}
		require.Regexp(t, `["`+"`"+`]`+name+`["`+"`"+`]`, whole, "nobody says %s", name)
	}
}

// What anybody wrote becomes text nodes: nothing in the widget makes markup or code out of strings.
func TestWidgetMakesNoMarkupOfStrings(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment|srcdoc`)
	for name, file := range load("widget") {
		require.NotRegexp(t, forbidden, string(file.plain), name)
	}
}

func spoken(t *testing.T, release assets, code string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, line := range key.FindAllStringSubmatch(string(release["texts/"+code+".js"].plain), -1) {
		require.NotContains(t, texts, line[1], code)
		require.NotEmpty(t, line[2], "%s of %s", line[1], code)
		texts[line[1]] = line[2]
	}
	require.NotEmpty(t, texts, code)
	return texts
}

func ask(t *testing.T, handler http.Handler, address string, header http.Header) *http.Response {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	maps.Copy(request.Header, header)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, answer *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(content)
}
