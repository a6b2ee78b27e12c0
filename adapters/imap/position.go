package imap

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

// behind is how far behind the newest UID a mail is still noticed that becomes visible late.
const behind = 100

// position is how far a mailbox was worked through. UIDs up to UID-behind are over; of those above it, Done names the ones that are.
type position struct {
	Validity uint32     `json:"validity"`
	UID      uint32     `json:"uid"`             // the newest that is over
	Done     []uint32   `json:"done,omitempty"`  // ascending
	Owed     []uint32   `json:"owed,omitempty"`  // that failed again and again, and are tried once more now and then
	Left     []left     `json:"left,omitempty"`  // that are too large
	Since    *time.Time `json:"since,omitempty"` // mails that the server got before are none of ours

	moved bool // since it was kept
}

// left is a mail that stays where it is.
type left struct {
	UID   uint32 `json:"uid"`
	Bytes int64  `json:"bytes"`
}

// from is the first UID that is looked at.
func (p *position) from() uint32 {
	if p.UID <= behind {
		return 1
	}
	return p.UID - behind + 1
}

// over reports whether a mail needs no more work.
func (p *position) over(uid uint32) bool {
	return uid < p.from() && !slices.Contains(p.Owed, uid) && !p.leaves(uid) || slices.Contains(p.Done, uid)
}

// finish notes that a mail is over.
func (p *position) finish(uid uint32) {
	p.moved = true
	p.UID = max(p.UID, uid)
	p.Owed = slices.DeleteFunc(p.Owed, func(u uint32) bool { return u == uid })
	p.Left = slices.DeleteFunc(p.Left, func(l left) bool { return l.UID == uid })
	if at, there := slices.BinarySearch(p.Done, uid); !there {
		p.Done = slices.Insert(p.Done, at, uid)
	}
	for len(p.Done) > 0 && p.Done[0] < p.from() {
		p.Done = p.Done[1:]
	}
}

// maxOwed bounds how many mails are owed; the oldest are given up beyond it.
const maxOwed = 100

// owe puts a mail off that cannot be had now, so that it does not keep those behind it back.
func (p *position) owe(uid uint32) {
	p.moved = true
	p.UID = max(p.UID, uid)
	if !slices.Contains(p.Owed, uid) {
		p.Owed = append(p.Owed, uid)
	}
	if len(p.Owed) > maxOwed {
		p.Owed = p.Owed[1:]
	}
}

// leaves reports whether a mail stays where it is.
func (p *position) leaves(uid uint32) bool {
	return slices.ContainsFunc(p.Left, func(l left) bool { return l.UID == uid })
}

// maxLeft bounds how many mails are known that are too large; of more than that the newest are.
const maxLeft = 100

// leave notes all the mails that are too large. The UID stays where it is: what lies before them may not be over.
func (p *position) leave(list []left) {
	if list = list[max(0, len(list)-maxLeft):]; !slices.Equal(p.Left, list) {
		p.Left, p.moved = list, true
	}
}

// begin starts a mailbox that was not seen before, or whose server numbers its mails anew.
func (p *position) begin(validity uint32) {
	*p = position{Validity: validity, Since: p.Since, moved: true}
}

// listed is the set that a look asks for: what is owed or was too large, and everything from the window on. Its size does not depend on the mailbox's.
func (p *position) listed() imap.UIDSet {
	var set imap.UIDSet
	for _, uid := range p.Owed {
		set.AddNum(imap.UID(uid))
	}
	for _, l := range p.Left {
		set.AddNum(imap.UID(l.UID))
	}
	set.AddRange(imap.UID(p.from()), 0)
	return set
}
