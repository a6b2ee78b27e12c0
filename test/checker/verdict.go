package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sync"

	"parley/test/wire"
)

// openStates narrows a list of interactions to those that are not over.
var openStates = url.Values{"state": {"received,automatic,waiting,on_hold,sending"}}

// found is everything that REST tells of one interaction.
type found struct {
	wire.Interaction
	messages []wire.Message
	events   []wire.Event
	sums     map[int64]string // SHA-256 of the raw bytes, by message
}

// judge compares the ledger with what REST says now. While work is going on, only the way in can be judged.
func judge(ctx context.Context, path string, staff []wire.Client, finished bool) (wrong []string, err error) {
	admin := staff[len(staff)-1]
	list, err := wire.List[wire.Interaction](ctx, admin, "/v1/interactions", nil)
	if err != nil {
		return nil, err
	}
	all, err := look(ctx, list, staff[2:]) // seniors and above may see everything
	if err != nil {
		return nil, err
	}
	entries, err := readLedger(path)
	if err != nil {
		return nil, err
	}
	c := &court{}
	c.mailIn(entries, all)
	if finished {
		c.mailOut(entries, all)
		c.stories(entries, all)
		c.workdays(entries)
		err = c.nothingLeft(ctx, admin)
	}
	fmt.Println(c.summary(entries, all))
	return c.wrong, err
}

// look reads the messages, the audit and the bytes of all interactions, by several people at once, for each may ask only so often.
func look(ctx context.Context, list []wire.Interaction, readers []wire.Client) ([]found, error) {
	all := make([]found, len(list))
	errs := make([]error, len(readers))
	var wg sync.WaitGroup
	for r, reader := range readers {
		wg.Go(func() {
			for n := r; n < len(list) && errs[r] == nil; n += len(readers) {
				all[n], errs[r] = lookAt(ctx, reader, list[n])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func lookAt(ctx context.Context, by wire.Client, i wire.Interaction) (f found, err error) {
	f = found{Interaction: i, sums: map[int64]string{}}
	if f.messages, err = by.Messages(ctx, i.ID); err != nil {
		return f, err
	}
	if f.events, err = by.Events(ctx, i.ID); err != nil {
		return f, err
	}
	for _, m := range f.messages {
		if m.Kind == "in" {
			raw, err := by.Raw(ctx, i.ID, m.Number)
			if err != nil {
				return f, fmt.Errorf("raw bytes of %s/%d: %w", i.ID, m.Number, err)
			}
			sum := sha256.Sum256(raw)
			f.sums[m.Number] = hex.EncodeToString(sum[:])
		}
	}
	return f, nil
}

// court collects what is wrong.
type court struct{ wrong []string }

func (c *court) blame(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

var marked = regexp.MustCompile(`\[(m-\d+-\d+)\]`)

// mailIn: each mail that Parley said yes to is one message of one interaction, with the bytes that were sent.
func (c *court) mailIn(entries []entry, all []found) {
	type place struct{ interaction, sum string }
	places := map[string][]place{}
	for _, f := range all {
		for _, m := range f.messages {
			if m.Kind != "in" {
				continue
			}
			name := marked.FindStringSubmatch(m.Subject)
			if name == nil {
				c.blame("FOREIGN message %s/%d %q: nobody sent it", f.ID, m.Number, m.Subject)
				continue
			}
			places[name[1]] = append(places[name[1]], place{f.ID, f.sums[m.Number]})
		}
	}
	for _, e := range entries {
		switch at := places[e.Marker]; {
		case e.What == refused:
			c.blame("REFUSED mail %s: %s", e.Marker, e.Text)
		case e.What == odd:
			c.blame("ODD %s %s", e.Task, e.Text)
		case e.What != said:
		case len(at) == 0:
			c.blame("LOST mail %s: Parley said yes at %s and does not have it", e.Marker, e.At.Format("15:04:05.000"))
		case len(at) > 1:
			c.blame("TWICE mail %s, sent %d times, is there %d times: %v", e.Marker, e.Tries, len(at), at)
		case at[0].sum != e.SHA256:
			c.blame("CHANGED mail %s: its bytes are not those that were sent", e.Marker)
		}
	}
}

// mailOut: each mail that came out belongs to one message that Parley knows as sent, and the other way round, once each.
func (c *court) mailOut(entries []entry, all []found) {
	times := map[string]int{}
	for _, e := range entries {
		if e.What == delivered {
			times[e.MessageID]++
		}
	}
	for id, n := range times {
		if n > 1 {
			c.blame("TWICE mail out <%s> came %d times", id, n)
		}
	}
	known := map[string]bool{}
	for _, f := range all {
		for _, m := range f.messages {
			if m.Kind != "reply" && m.Kind != "auto" || m.Send == nil {
				continue
			}
			known[m.MessageID] = true
			switch came := times[m.MessageID] > 0; {
			case m.Send.State == "sent" && !came:
				c.blame("LOST mail out <%s> of %s is sent, says Parley, and never came", m.MessageID, f.ID)
			case m.Send.State != "sent" && came:
				c.blame("FALSE mail out <%s> of %s is %s, says Parley, and came", m.MessageID, f.ID, m.Send.State)
			case m.Send.State == "queued" || m.Send.State == "in_flight" || m.Send.State == "unknown":
				c.blame("STUCK mail out <%s> of %s is %s", m.MessageID, f.ID, m.Send.State)
			}
		}
	}
	for id := range times {
		if !known[id] {
			c.blame("FOREIGN mail out <%s>: Parley does not know it", id)
		}
	}
}

// stories: each interaction ended once, and the customer got what its reason says.
func (c *court) stories(entries []entry, all []found) {
	failed := map[string]int{} // sends that a person found had not happened, by Message-ID
	for _, e := range entries {
		if e.What == settled && e.Text == "not_sent" {
			failed[e.MessageID]++
		}
	}
	for _, f := range all {
		var in, replies, autos, repeats int
		for _, m := range f.messages {
			sent := m.Send != nil && m.Send.State == "sent"
			switch {
			case m.Kind == "in":
				in++
			case m.Kind == "reply" && sent:
				replies++
			case m.Kind == "auto" && sent:
				autos++
			}
			repeats += failed[m.MessageID]
		}
		received, stopped := count(f.events, "interaction.received"), count(f.events, "interaction.stopped")
		if received != 1 || stopped != 1 {
			c.blame("AUDIT of %s tells of %d beginnings and %d ends", f.ID, received, stopped)
		}
		if replies > in+repeats {
			c.blame("TWICE %d replies to %d mails of %s", replies, in, f.ID)
		}
		if want := map[string]int{"answered": replies, "answered_automatically": autos}; want[f.Reason] == 0 && (f.Reason == "answered" || f.Reason == "answered_automatically") {
			c.blame("FALSE %s is %s and nothing came", f.ID, f.Reason)
		}
		if known := []string{"answered", "answered_automatically", "spam", "needs_no_answer"}; f.State == "stopped" && !slices.Contains(known, f.Reason) {
			c.blame("ODD %s stopped as %q", f.ID, f.Reason)
		}
		if f.Reason == "spam" && replies+autos > 0 {
			c.blame("FALSE %s is spam and was answered", f.ID)
		}
	}
}

func count(events []wire.Event, code string) (n int) {
	for _, e := range events {
		if e.Code == code {
			n++
		}
	}
	return n
}

// workdays: no task was ended twice.
func (c *court) workdays(entries []entry) {
	times := map[string]int{}
	for _, e := range entries {
		if e.What == done {
			times[e.Task]++
		}
	}
	for task, n := range times {
		if n > 1 {
			c.blame("TWICE task %s was ended %d times", task, n)
		}
	}
}

// nothingLeft: no task is open, and nobody carries a load.
func (c *court) nothingLeft(ctx context.Context, admin wire.Client) error {
	tasks, err := wire.List[wire.Task](ctx, admin, "/v1/tasks", nil)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		c.blame("STUCK task %s (%s) of %s is %s", t.ID, t.Kind, t.InteractionID, t.State)
	}
	if len(tasks) > 0 {
		return nil
	}
	agents, err := wire.List[wire.Agent](ctx, admin, "/v1/agents", nil)
	for _, a := range agents {
		for class, n := range a.Load {
			if n != 0 {
				c.blame("LOAD of %s is %d %s and he holds nothing", a.Login, n, class)
			}
		}
	}
	return err
}

// summary says what was looked at, so that a verdict of "nothing wrong" has its weight.
func (c *court) summary(entries []entry, all []found) string {
	by := map[string]int{}
	tries, follows := 0, 0
	for _, e := range entries {
		by[e.What]++
		if e.What == said {
			tries += e.Tries
			if e.Follows {
				follows++
			}
		}
	}
	reasons := map[string]int{}
	for _, f := range all {
		reasons[f.Reason]++
	}
	return fmt.Sprintf("%d mails acknowledged (%d sent again, %d follow-ups), %d interactions %v, %d mails out, %d tasks ended, %d outcomes settled: %d things wrong",
		by[said], tries-by[said], follows, len(all), reasons, by[delivered], by[done], by[settled], len(c.wrong))
}
