package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/social"
)

// pageSize is how many notifications are listed at once; the API gives at most 80.
const pageSize = 40

// Limits of what one mention may take.
const (
	acceptWithin = 4 * time.Second
	fetchWithin  = 20 * time.Second
)

// list gives a page of mentions, oldest first: those next above an id, or the newest where there is none.
func (w *work) list(ctx context.Context, above string, limit int) ([]notification, error) {
	query := url.Values{"types[]": {"mention"}, "limit": {strconv.Itoa(limit)}}
	if above != "" {
		query.Set("min_id", above)
	}
	var page []notification
	if err := w.a.api.get(ctx, "/api/v1/notifications", query, &page); err != nil {
		return nil, err
	}
	page = slices.DeleteFunc(page, func(n notification) bool { return n.ID == "" })
	slices.SortFunc(page, func(a, b notification) int { return older(a.ID, b.ID) })
	return page, nil
}

// begin sets where an account that was never worked on begins.
func (w *work) begin(ctx context.Context) error {
	if w.at.Begun {
		return nil
	}
	w.at.Begun, w.at.After = true, "0"
	if w.a.Settings.Begin != "all" {
		w.at.moved = true
		page, err := w.list(ctx, "", 1)
		if err != nil {
			w.at.Begun = false
			return err
		}
		if len(page) > 0 {
			w.at.After = page[len(page)-1].ID
		}
	}
	return w.keep(ctx)
}

// refill takes all mentions that were not taken, oldest first. What the house refuses for good is left behind, and said.
func (w *work) refill(ctx context.Context) error {
	above := w.at.After
	for {
		page, err := w.list(ctx, above, pageSize)
		if err != nil {
			return err
		}
		next := above
		for _, n := range page {
			if older(n.ID, next) > 0 {
				next = n.ID
			}
			if n.Type != "mention" || w.at.over(n.ID) {
				continue
			}
			if err := w.tried(ctx, n); err != nil {
				return errors.Join(err, w.keep(ctx))
			}
			w.at.finish(n.ID)
		}
		if err := w.keep(ctx); err != nil {
			return err
		}
		if len(page) < pageSize/2 || next == above { // a server may give less than a page at once, but not less than half
			return nil
		}
		above = next
	}
}

// maxPanics is how often a mention is tried that makes a part of ours panic, before it is kept as it came, and left behind where even that fails.
const maxPanics = 3

var errPanicked = errors.New("it could not be taken")

// tried takes a mention, unless it was tried in vain too often.
func (w *work) tried(ctx context.Context, n notification) error {
	err := w.take(ctx, n)
	if !errors.Is(err, errPanicked) {
		delete(w.a.panics, n.ID)
		return err
	}
	if w.a.panics[n.ID]++; w.a.panics[n.ID] < maxPanics {
		return err
	}
	if err = w.takeRaw(ctx, n); errors.Is(err, errPanicked) {
		w.left = fmt.Sprintf("notification %s could not be taken and is left behind", n.ID)
		err = nil
	}
	delete(w.a.panics, n.ID)
	return err
}

// takeRaw has a mention committed as it came, for a person to look at.
func (w *work) takeRaw(ctx context.Context, n notification) (err error) {
	defer w.contain("notification", n.ID, &err)
	return w.accept(ctx, social.Post{Network: Kind, Account: w.a.name(w.me), Kind: social.Unreadable, Raw: n.ID + " " + string(n.Status)})
}

// take has a mention committed; what we say ourselves is nothing.
func (w *work) take(ctx context.Context, n notification) (err error) {
	defer w.contain("notification", n.ID, &err)
	post, s := w.a.read(n.Status, w.me)
	if s.Account.ID != "" && s.Account.ID == w.me.ID {
		return nil
	}
	if post.Kind == social.Unreadable {
		post.Raw = n.ID + " " + post.Raw
	}
	version := post.Version
	if err := w.accept(ctx, post); err != nil {
		return err
	}
	if s.ID != "" {
		w.at.see(s.ID, version)
	}
	return nil
}

// contain turns a panic into an error.
func (w *work) contain(what, id string, err *error) {
	if cause := recover(); cause != nil {
		w.a.Log.Error("it panicked", "what", what, "id", id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		*err = fmt.Errorf("%s %s: %w", what, id, errPanicked)
	}
}

// accept has a post committed by the inbox, with its files as far as they can be had.
func (w *work) accept(ctx context.Context, post social.Post) error {
	post.To = w.target.Address
	fetching, cancel := context.WithTimeout(ctx, fetchWithin)
	post.Fetch(fetching, w.a.fetch)
	cancel()
	in, err := post.Inbound(w.target, w.a.host)
	if err != nil {
		return err
	}
	accepting, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	receipt, err := w.a.Inbox.Accept(accepting, in)
	if interaction.KindOf(err) == interaction.KindInvalid {
		w.left = fmt.Sprintf("post %s was refused: %v", post.ID, err)
		w.a.Log.Error("a post was refused and is left behind", "post", post.ID, "error", err)
		return nil
	}
	if err == nil {
		w.a.Log.Info("post accepted", "inbound", receipt.ID, "repeat", receipt.Repeat, "kind", post.Kind)
	}
	return err
}

// again looks once more at the newest mentions, and at some of those whose interactions are not over, for edits and deletions that no stream has told. Each look takes the
// next ones in their turn, so that all have theirs and no server is asked too much at once.
func (w *work) again(ctx context.Context) error {
	for _, s := range slices.Clone(w.at.Seen) {
		if err := w.look(ctx, s.ID); err != nil {
			return errors.Join(err, w.keep(ctx))
		}
	}
	if err := w.againOpen(ctx); err != nil {
		return errors.Join(err, w.keep(ctx))
	}
	return w.keep(ctx)
}

// lookedAt is how many older mentions one look takes.
const lookedAt = 40

func (w *work) againOpen(ctx context.Context) error {
	if w.a.Open == nil {
		return nil
	}
	ours := social.Name(Kind, w.a.name(w.me), "", "")
	ours = strings.TrimSuffix(ours, "private:") // open and private ones alike
	names, err := w.a.Open.OpenMessages(ctx, ours, w.a.turn, lookedAt)
	if err != nil {
		return err
	}
	for _, name := range names {
		id := social.IDOf(Kind, w.a.name(w.me), name)
		if _, newest := w.at.watches(id); id != "" && !newest {
			if err := w.look(ctx, id); err != nil {
				return err
			}
		}
		w.a.turn = name
	}
	if len(names) < lookedAt {
		w.a.turn = ""
	}
	return nil
}

// concerns reports whether a post is a mention of which edits and deletions are wanted: one of the newest, or one that is still worked on.
func (w *work) concerns(ctx context.Context, id string) (bool, error) {
	if _, newest := w.at.watches(id); newest || w.a.Open == nil || id == "" {
		return newest, nil
	}
	for _, v := range []interaction.Visibility{interaction.VisiblePublic, interaction.VisiblePrivate} {
		name := social.Name(Kind, w.a.name(w.me), v, id)
		found, err := w.a.Open.OpenMessages(ctx, name, "", 1)
		if err != nil || slices.Contains(found, name) {
			return err == nil, err
		}
	}
	return false, nil
}

// look asks for a mention that was taken and takes what has become of it. Only a plain "not there" is a deletion.
func (w *work) look(ctx context.Context, id string) (err error) {
	defer w.contain("status", id, &err)
	var raw json.RawMessage
	err = w.a.api.get(ctx, "/api/v1/statuses/"+url.PathEscape(id), nil, &raw)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusGone {
		return w.withdraw(ctx, id)
	}
	if err != nil {
		return err
	}
	return w.edited(ctx, raw)
}

// edited takes a status in a version that was not taken yet.
func (w *work) edited(ctx context.Context, raw json.RawMessage) error {
	post, s := w.a.read(raw, w.me)
	if post.Kind == social.Unreadable || post.Version == w.at.version(s.ID) || post.Version == "" {
		return nil
	}
	taken := post.Version
	post.Kind = social.Edit
	if err := w.accept(ctx, post); err != nil {
		return err
	}
	w.at.see(s.ID, taken)
	return nil
}

// withdraw takes note that a mention is gone.
func (w *work) withdraw(ctx context.Context, id string) error {
	post := social.Post{
		Network: Kind, Account: w.a.name(w.me), Kind: social.Withdrawal, ID: id, Show: w.a.Settings.Deleted == "show", Raw: "the server has it no more",
	}
	if err := w.accept(ctx, post); err != nil {
		return err
	}
	w.at.forget(id)
	return nil
}
