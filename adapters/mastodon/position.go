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
	Older []seen   `json:"older,omitempty"` // older ones that were taken in another version than their first

	moved bool // since it was kept
}

// seen is a mention that was taken.
type seen struct {
	ID     string `json:"id"`
	Edited string `json:"edited,omitempty"` // version, empty for the first
}

// How many notifications are listed again, how many mentions are looked at again whatever became of them, and of how many older ones the version is remembered.
const (
	behind   = 20
	watched  = 60
	versions = 300
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
	for _, list := range [][]seen{p.Seen, p.Older} {
		if n := slices.IndexFunc(list, func(s seen) bool { return s.ID == id }); n >= 0 {
			list[n].Edited = edited
			return
		}
	}
	if len(p.Seen) >= watched && older(id, p.Seen[0].ID) < 0 { // an older one, of which a new version was found
		p.remember(seen{id, edited})
		return
	}
	if p.Seen = append(p.Seen, seen{id, edited}); len(p.Seen) > watched {
		p.remember(p.Seen[0])
		p.Seen = p.Seen[1:]
	}
}

// remember keeps the version of an older mention, where it is not the first.
func (p *position) remember(s seen) {
	if s.Edited == "" {
		return
	}
	if p.Older = append(p.Older, s); len(p.Older) > versions {
		p.Older = p.Older[1:]
	}
}

// forget drops a mention that is gone.
func (p *position) forget(id string) {
	p.moved = true
	is := func(s seen) bool { return s.ID == id }
	p.Seen, p.Older = slices.DeleteFunc(p.Seen, is), slices.DeleteFunc(p.Older, is)
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

// version is the one in which a mention was taken, as far as that is remembered; empty: its first.
func (p *position) version(id string) string {
	for _, s := range slices.Concat(p.Seen, p.Older) {
		if s.ID == id {
			return s.Edited
		}
	}
	return ""
}
