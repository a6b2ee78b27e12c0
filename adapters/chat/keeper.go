package chat

import (
	"context"
	"slices"
	"time"

	"parley/interaction"
)

// keepEvery is how often the keeper looks: a revoked token is closed within a second.
const keepEvery = 500 * time.Millisecond

// standsAtOnce is how many sessions one question to the store is about.
const standsAtOnce = 2000

// keep looks after what nobody tells: messages whose notice was lost, tokens that were revoked, agents who are no longer in a session,
// connections that died silently, customers who are gone. It writes how far people have read.
func (a *Adapter) keep(ctx context.Context) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			asking, cancel := context.WithTimeout(ctx, postTime)
			a.keepSessions(asking, now)
			a.keepDesks(asking)
			a.keepMarks(asking)
			cancel()
			a.keepPings(now)
		}
	}
}

func (a *Adapter) keepSessions(ctx context.Context, now time.Time) {
	rooms := a.hub.rooms()
	for chunk := range slices.Chunk(rooms, standsAtOnce) {
		ids := make([]interaction.ID, len(chunk))
		for n, r := range chunk {
			ids[n] = r.id
		}
		list, err := a.store.ChatStands(ctx, ids)
		if err != nil {
			a.log.Warn("sessions not looked at", "adapter", "chat", "error", err)
			return
		}
		stands := make(map[interaction.ID]interaction.ChatStand, len(list))
		for _, s := range list {
			stands[s.Session] = s
		}
		for _, r := range chunk {
			stand, there := stands[r.id]
			if there {
				r.stands(stand.Last)
			}
			r.check(stand)
			r.missing(now)
		}
	}
	a.hub.mu.Lock()
	for _, r := range rooms {
		a.hub.drop(r)
	}
	a.hub.mu.Unlock()
}

// check cuts off customers whose secret was revoked, and has agents' part looked at who are not in the session any more.
func (r *room) check(s interaction.ChatStand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.listeners {
		switch {
		case !l.agents && !s.Open:
			if c, ok := l.sink.(interface{ revoked() }); ok {
				c.revoked()
			}
		case l.agents && !slices.Contains(s.Agents, l.party.Agent) && l.turned != nil:
			go l.turned()
		}
	}
}

func (c *conn) revoked() { c.close(closeBadToken, "the token was revoked") }

// keepDesks asks whose tokens are still good, once for all of them.
func (a *Adapter) keepDesks(ctx context.Context) {
	a.mu.Lock()
	desks := make([]*desk, 0, 16)
	for _, d := range a.conns {
		if d != nil {
			desks = append(desks, d)
		}
	}
	a.mu.Unlock()
	var tokens []interaction.ID
	for _, d := range desks {
		if by := d.actor(); by.Token != "" {
			tokens = append(tokens, by.Token)
		}
	}
	if len(tokens) == 0 {
		return
	}
	actors, err := a.accounts.Actors(ctx, tokens)
	if err != nil {
		a.log.Warn("tokens not looked at", "adapter", "chat", "error", err)
		return
	}
	for _, d := range desks {
		by := d.actor()
		now, good := actors[by.Token]
		switch {
		case by.Token == "":
		case !good || !now.AtLeast(interaction.RoleAgent):
			d.conn.revoked()
		default:
			d.mu.Lock()
			d.by = now
			d.mu.Unlock()
		}
	}
}

func (a *Adapter) keepMarks(ctx context.Context) {
	list := a.marks.take()
	if len(list) == 0 {
		return
	}
	if err := a.store.ReadChats(ctx, list); err != nil {
		a.log.Warn("read marks not written", "adapter", "chat", "error", err)
		for _, m := range list {
			a.marks.add(m)
		}
	}
}

func (a *Adapter) keepPings(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.conns {
		if now.After(c.nextPing) {
			c.nextPing = now.Add(a.opts.PingInterval)
			go c.ping(a.opts.PingInterval * 3 / 4)
		}
	}
}
