package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a body's arrays and objects may be in each other.
const maxDepth = 32

// strict refuses JSON that two readers could read differently: names given twice (whatever their case), data behind the
// end, numbers out of range, broken UTF-8, NUL characters; and what is deeper than any request of ours.
func strict(data []byte) error {
	if !utf8.Valid(data) {
		return malformed("bad_encoding", "", "the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := strictValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("trailing_data", "", "there is something behind the end of the JSON")
	}
	return nil
}

func strictValue(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return malformed("too_deep", "", "the JSON is nested too deeply")
	}
	token, err := d.Token()
	if err != nil {
		return malformed("bad_json", "", "the body is not well-formed JSON")
	}
	switch v := token.(type) {
	case json.Delim:
		return strictInside(d, v, depth)
	case json.Number:
		return strictNumber(string(v))
	case string:
		return strictString(v)
	}
	return nil
}

// strictInside reads an object or array to its end.
func strictInside(d *json.Decoder, open json.Delim, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return malformed("bad_json", "", "the body is not well-formed JSON")
			}
			key, _ := name.(string)
			if folded := strings.ToLower(key); seen[folded] {
				return malformed("duplicate_field", clip(key), "is given more than once")
			} else {
				seen[folded] = true
			}
		}
		if err := strictValue(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return malformed("bad_json", "", "the body is not well-formed JSON")
	}
	return nil
}

func strictNumber(n string) error {
	if strings.ContainsAny(n, ".eE") {
		if f, err := strconv.ParseFloat(n, 64); err != nil || math.IsInf(f, 0) {
			return malformed("number_out_of_range", "", "a number does not fit into 64 bits")
		}
		return nil
	}
	if _, err := strconv.ParseInt(n, 10, 64); err != nil {
		return malformed("number_out_of_range", "", "a number does not fit into 64 bits")
	}
	return nil
}

func strictString(s string) error {
	if strings.ContainsRune(s, 0) {
		return malformed("bad_character", "", "a text contains the NUL character")
	}
	return nil
}

func isEmptyObject(data []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(data, &object) == nil && object != nil && len(object) == 0
}

// parseQuery reads a query and refuses what is not UTF-8 or contains control characters.
func parseQuery(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	for name, values := range query {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) || strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
				return nil, errors.New("control characters")
			}
		}
	}
	return query, nil
}
