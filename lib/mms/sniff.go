package mms

import (
	"bytes"
	"net/http"
	"strings"
)

// Sniff tells the media type by content; empty where bytes tell nothing. What a part says of itself is not believed where the two differ.
func Sniff(b []byte) string {
	head := b[:min(len(b), 1024)]
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	lower := strings.ToLower(string(trimmed))
	switch {
	case bytes.HasPrefix(head, []byte("#!AMR-WB\n")):
		return "audio/amr-wb"
	case bytes.HasPrefix(head, []byte("#!AMR")):
		return "audio/amr"
	case bytes.HasPrefix(head, []byte("MMMD")):
		return "application/vnd.smaf"
	case len(head) > 11 && string(head[4:8]) == "ftyp":
		return brand(string(head[8:12]))
	case bytes.HasPrefix(head, []byte("BM")) && len(head) > 14 && head[6] == 0 && head[7] == 0:
		return "image/bmp"
	case strings.HasPrefix(lower, "begin:vcard"):
		return "text/x-vcard"
	case strings.HasPrefix(lower, "begin:vcalendar"):
		return "text/calendar"
	case strings.HasPrefix(lower, "<smil"), strings.HasPrefix(lower, "<!doctype smil"), looksLikeXML(trimmed) && strings.Contains(lower, "<smil"):
		return "application/smil"
	case strings.HasPrefix(lower, "<svg"), looksLikeXML(trimmed) && strings.Contains(lower, "<svg"):
		return "image/svg+xml"
	case strings.HasPrefix(lower, "mz") && len(head) > 64 && bytes.IndexByte(head, 0) >= 0:
		return "application/x-msdownload"
	}
	switch typ := parseMedia(http.DetectContentType(head)).typ; typ {
	case "application/octet-stream", "text/plain":
		return ""
	default:
		return typ
	}
}

// brand tells what an ISO base media file is (ISO 14496-12 clause 4.3).
func brand(b string) string {
	switch {
	case strings.HasPrefix(b, "3g2"):
		return "video/3gpp2"
	case strings.HasPrefix(b, "3g"):
		return "video/3gpp"
	case b == "qt  ":
		return "video/quicktime"
	case strings.HasPrefix(b, "M4A"):
		return "audio/mp4"
	case b == "heic", b == "heix", b == "mif1":
		return "image/heic"
	case b == "avif":
		return "image/avif"
	}
	return "video/mp4"
}

// sameKind reports whether what a part says and what its bytes are mean the same thing under two names.
func sameKind(declared, found string) bool {
	if found == "" || declared == found || declared == "application/octet-stream" || declared == "" {
		return true
	}
	same := func(types ...string) bool {
		a, b := false, false
		for _, t := range types {
			a, b = a || t == declared, b || t == found
		}
		return a && b
	}
	switch {
	case same("image/jpeg", "image/jpg", "image/pjpeg"), same("image/bmp", "image/x-ms-bmp", "image/x-bmp"), same("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpg"),
		same("audio/midi", "audio/mid", "audio/x-midi", "audio/sp-midi"), same("audio/wave", "audio/wav", "audio/x-wav"),
		same("video/3gpp", "video/3gpp2", "video/mp4", "audio/3gpp", "audio/mp4", "audio/3gpp2", "audio/aac", "video/quicktime", "audio/x-m4a"),
		same("audio/amr", "audio/x-amr", "audio/amr-nb"), same("text/x-vcard", "text/vcard", "text/directory"), same("text/calendar", "text/x-vcalendar"),
		same("application/smil", "application/smil+xml", "text/xml", "application/xml"), same("application/ogg", "audio/ogg", "video/ogg"),
		same("image/x-icon", "image/vnd.microsoft.icon"), same("application/zip", "application/java-archive", "application/vnd.android.package-archive"):
		return true
	case found == "text/xml" || found == "application/zip": // of which many types are made
		return strings.HasSuffix(declared, "xml") || found == "application/zip" && strings.HasPrefix(declared, "application/")
	}
	return false
}
