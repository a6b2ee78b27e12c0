package mastodon

import (
	"slices"
	"strings"
)

// position is how far the account was worked through. A notification can become visible behind one with a higher id, so the newest ones are listed again
// each time and told by Done.
type position struct {
	Begun bool     `json:"begun"`           // there is a beginning
	After string   `json:"after,omitempty"` // notifications up to this one are over
	Done  []string `json:"done,omitempty"`  // those above it that are over, ascending
	Seen  []seen   `json:"seen,omitempty"`  // the newest mentions, oldest first, which may be edited or deleted

	moved bool // since it was kept
}

// seen is a mention that was taken.
type seen struct {
	ID     string `json:"id"`
	Edited string `json:"edited,omitempty"` // version, empty for the first
}

// How many notifications are listed again, and how many mentions are looked at again.
const (
	behind  = 20
	watched = 60
)

// older compares ids: numbers of any length, or texts of one length that sort by time.
func older(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// over reports whether a notification needs no more work.
func (p *position) over(id string) bool {
	return p.After != "" && older(id, p.After) <= 0 || slices.Contains(p.Done, id)
}

// finish notes that a notification is over.
func (p *position) finish(id string) {
	p.moved = true
	if at, there := slices.BinarySearchFunc(p.Done, id, older); !there {
		p.Done = slices.Insert(p.Done, at, id)
	}
	for len(p.Done) > behind {
		p.After, p.Done = p.Done[0], p.Done[1:]
	}
}

// see remembers a mention in its newest version.
func (p *position) see(id, edited string) {
	p.moved = true
	if n := slices.IndexFunc(p.Seen, func(s seen) bool { return s.ID == id }); n >= 0 {
		p.Seen[n].Edited = edited
		return
	}
	if p.Seen = append(p.Seen, seen{id, edited}); len(p.Seen) > watched {
		p.Seen = p.Seen[1:]
	}
}

// forget drops a mention that is gone.
func (p *position) forget(id string) {
	p.moved = true
	p.Seen = slices.DeleteFunc(p.Seen, func(s seen) bool { return s.ID == id })
}

// watches tells whether a mention is one of the newest, and in which version it was taken.
func (p *position) watches(id string) (edited string, there bool) {
	for _, s := range p.Seen {
		if s.ID == id {
			return s.Edited, true
		}
	}
	return "", false
}
