package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"parley/interaction"
)

// Paged is the input of a list.
type Paged struct {
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"how many at most"`
}

// page opens the cursor for a list of this name and narrowing. Used with another list, other filters or another order, or changed by hand, a cursor is refused.
func (p Paged) page(list, sort string) (interaction.Page, error) {
	page := interaction.Page{Limit: p.Limit, Sort: sort}
	if p.Cursor == "" {
		return page, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(b) < sealLen || !bytes.Equal(b[:sealLen], seal(list, b[sealLen:])) {
		return page, malformed("bad_cursor", "cursor", "is not a cursor of this list; leave it away to begin anew")
	}
	page.After = string(b[sealLen:])
	return page, nil
}

const sealLen = 8

// seal binds a place to its list. It guards against mistakes, not against malice: a place gives nothing that a filter would not give.
func seal(list string, place []byte) []byte {
	h := sha256.New()
	h.Write([]byte("parley cursor "))
	h.Write([]byte(list))
	h.Write([]byte{0})
	h.Write(place)
	return h.Sum(nil)[:sealLen]
}

func sealed(list, place string) string {
	if place == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(seal(list, []byte(place)), place...))
}

// List is the answer of a list.
type List[T any] struct {
	Body struct {
		Items      []T    `json:"items" nullable:"false"`
		NextCursor string `json:"next_cursor" doc:"empty on the last page"`
	}
}

// listed makes the answer of a page.
func listed[A, B any](list string, page interaction.Listed[A], view func(A) B) *List[B] {
	out := &List[B]{}
	out.Body.Items = each(page.Items, view)
	out.Body.NextCursor = sealed(list, page.Next)
	return out
}

// whole makes the answer of a list that has one page only.
func whole[A, B any](items []A, view func(A) B) *List[B] {
	return listed("", interaction.Listed[A]{Items: items}, view)
}

// each applies view to all; the result is never nil, so that JSON says [] and not null.
func each[A, B any](list []A, view func(A) B) []B {
	out := make([]B, len(list))
	for n, a := range list {
		out[n] = view(a)
	}
	return out
}

func same[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// moment is a time that may be absent.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
