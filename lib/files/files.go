// Package files judges files that strangers send: what they may be called, and what they are.
package files

import (
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name makes a name that can stand in a header and a file system: no path, no control characters, at most 200 bytes.
func Name(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	for len(name) > 200 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name == "" || name == "." || name == "/" || name == ".." {
		return "file"
	}
	return name
}

// officeTypes are kinds of zip files and texts that the content alone does not tell apart.
var officeTypes = map[string]map[string]string{
	"application/zip": {
		".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		".odt":  "application/vnd.oasis.opendocument.text",
		".ods":  "application/vnd.oasis.opendocument.spreadsheet",
	},
	"text/plain; charset=utf-8": {".csv": "text/csv; charset=utf-8", ".ics": "text/calendar; charset=utf-8"},
}

// Type tells the media type by the content; the name only chooses among types that look the same.
func Type(name string, data []byte) string {
	found := http.DetectContentType(data)
	if finer, ok := officeTypes[found][strings.ToLower(path.Ext(name))]; ok {
		return finer
	}
	return found
}
