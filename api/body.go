package api

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// Limits of bodies, in bytes.
const (
	smallBody = 64 << 10
	textBody  = 4 << 20 // texts of up to 1 MiB in two forms, escaped
)

// body reads a JSON body whole, refuses what is too large, of another type or not strict, and marks repeats.
func (s *server) body(c *gin.Context) {
	r, known := s.routes[c.Request.Method+" "+c.FullPath()]
	if !known || r.raw || c.Request.Method == http.MethodGet {
		if known && !r.raw {
			if err := singleParameters(c); err != nil {
				s.fail(c, err)
			}
		}
		return
	}
	data, err := readBody(c, r.limit)
	if err == nil && len(data) > 0 {
		if err = jsonType(c.Request.Header); err == nil {
			err = strict(data)
		}
	}
	if err == nil && len(data) > 0 && !r.body && !isEmptyObject(data) {
		err = malformed("unknown_field", "", "this takes no fields")
	}
	if err == nil && !r.public {
		err = s.once(c, sha256.Sum256(data))
	}
	if err == nil {
		err = singleParameters(c)
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(data))
}

func readBody(c *gin.Context, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = smallBody
	}
	if c.Request.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	if err != nil {
		return nil, readError(err, limit)
	}
	return data, nil
}

// readError tells a body that is too large from one that broke off.
func readError(err error, limit int64) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(limit)
	}
	return malformed("body_cut", "", "the body broke off")
}

func tooLarge(limit int64) error {
	return refuse(http.StatusRequestEntityTooLarge, "too_large", "", "the body may have up to "+strconv.FormatInt(limit, 10)+" bytes")
}

// jsonType refuses every media type but JSON in UTF-8.
func jsonType(h http.Header) error {
	if h.Get("Content-Encoding") != "" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_encoding", "Content-Encoding", "send the body as it is")
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || kind != "application/json" || charset != "" && charset != "utf-8" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type", "send application/json in UTF-8")
	}
	return nil
}

// singleParameters refuses a query parameter that is given twice, or a query that cannot be read.
func singleParameters(c *gin.Context) error {
	query, err := parseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return malformed("bad_query", "", "the query is not well-formed")
	}
	for name, values := range query {
		if len(values) > 1 {
			return malformed("repeated_parameter", clip(name), "is given more than once")
		}
	}
	return nil
}
