package webpage

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDirection(t *testing.T) {
	for language, want := range map[string]string{"": "ltr", "en": "ltr", "ar": "rtl", "ar-EG": "rtl", "HE": "rtl", "fa": "rtl", "ur-PK": "rtl", "arn": "ltr"} {
		require.Equal(t, want, Direction(language), language)
	}
}

func TestWords(t *testing.T) {
	words := map[string]map[string]string{"send": {"en": "Send", "de": "Senden"}, "later": {"en": "Later"}}
	require.Equal(t, map[string]string{"send": "Senden", "later": "Later"}, Words(words, "de-AT"))
}

func TestHeaders(t *testing.T) {
	h := http.Header{}
	SetHeaders(h, "style-src "+Source("a{}"))
	require.Equal(t, "default-src 'none'; style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='", h.Get("Content-Security-Policy"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Equal(t, "no-store", h.Get("Cache-Control"))
}
