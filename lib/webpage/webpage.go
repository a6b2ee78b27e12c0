// Package webpage holds what pages for customers have in common: they speak his language, run and load nothing that is not their own, and are neither stored nor found
// by search engines.
package webpage

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"parley/interaction"
)

// SetHeaders sets a page's headers. policy is its Content-Security-Policy behind "default-src 'none'". The page's address is told to nobody, since it may be a right.
func SetHeaders(h http.Header, policy string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; "+policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
}

// Source names a style sheet or script within the page in its Content-Security-Policy, by its hash.
func Source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Words gives a page's words in a language, by name; in another where one is missing.
func Words(byLanguage map[string]map[string]string, language string) map[string]string {
	out := make(map[string]string, len(byLanguage))
	for name, by := range byLanguage {
		out[name] = interaction.InLanguage(by, language)
	}
	return out
}

// Direction is the value of dir for a language.
func Direction(language string) string {
	switch primary, _, _ := strings.Cut(strings.ToLower(language), "-"); primary {
	case "ar", "he", "fa", "ur":
		return "rtl"
	}
	return "ltr"
}
