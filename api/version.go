package api

import (
	"strconv"
	"strings"
)

// ByID is the input of a route about one thing.
type ByID struct {
	ID string `path:"id" maxLength:"64"`
}

// IfMatch is the version that a change was written against.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"the ETag that was read; a newer version is refused with 412"`
}

// version reads the header; 0 when it is absent or "*": whatever the version is.
func (m IfMatch) version() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	quoted, opened := strings.CutPrefix(m.IfMatch, `"`)
	number, closed := strings.CutSuffix(quoted, `"`)
	v, err := strconv.ParseInt(number, 10, 64)
	if !opened || !closed || err != nil || v < 1 {
		return 0, malformed("bad_if_match", "If-Match", `is an ETag as it was given, like "3"`)
	}
	return v, nil
}

// etag is the strong tag of a version.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
