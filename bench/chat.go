package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"parley/bench/house"
	"parley/store"
)

// Targets of chat (E1, E2, E5, P12, P14). The counts decide; the times are printed.
const (
	mostChatCommits = 1.2 // of one message
	mostChatFlushes = 0.25
	mostSlowFlushes = 0.5 // of one of few
	mostChatCPU     = 2   // milliseconds
	mostChatMemory  = 1.4 // times the bare echo server's
)

// Size of the rows.
const (
	chatDatabase    = "chats"
	chatEntry       = "bench"
	supervisorLogin = "root"
	chatRate        = 500                    // messages a second, over all sessions
	slowRate        = 50                     // of P12
	slowSeconds     = 20                     // of P12
	mostChatTime    = 200 * time.Millisecond // p99 of the delivery, on a quiet machine
	chatReadLimit   = 20 * time.Second
)

// withChats starts a parley that serves nothing but chats, with an entry point for them.
func withChats(ctx context.Context, s *session, name string, measure func(kept *store.Store, apart *house.Apart) error) (err error) {
	apart, err := s.house.StartApart(ctx, name, "api,adapters")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apart.Stop()) }()
	kept, err := store.Open(ctx, apart.Database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer kept.Close()
	if _, err := kept.Pool().Exec(ctx, `insert into entry_points (name, channel, address, workflow, queue) select $1, 'chat', $1, 'Chat', name from queues limit 1`, chatEntry); err != nil {
		return err
	}
	idle := s.idle
	s.apart = apart.PID()
	defer func() { s.apart, s.idle = 0, idle }()
	return measure(kept, apart)
}

// chatRows measure what a message costs from one end of a session to the other: many a second between customers' sockets, and few from customers to agents.
func chatRows(ctx context.Context, s *session, t *table) error {
	return withChats(ctx, s, chatDatabase, func(kept *store.Store, apart *house.Apart) error {
		if err := s.rest(ctx); err != nil {
			return err
		}
		talk, err := openTalk(ctx, kept, apart.HTTP, *chats, customersOnly)
		if err != nil {
			return err
		}
		defer talk.close()
		messages := chatRate * *seconds
		c, err := s.explained(ctx, t, messages, chatDatabase, func() (cost, error) {
			return s.measure(ctx, messages, func() (time.Duration, error) {
				came := comeAndGo(ctx, kept, apart.HTTP)
				took, err := talk.run(ctx, messages, chatRate, "")
				return took, errors.Join(err, came())
			})
		})
		if err != nil {
			return err
		}
		what := fmt.Sprintf("one of %d chat messages a second in %d sessions: ", chatRate, *chats)
		t.atMost("E1", what+"commits", c.Commits, "", mostChatCommits)
		t.atMost("E1", what+"WAL flushes", c.Flushes, "", mostChatFlushes)
		t.show("E1", what+"CPU of server and PostgreSQL", fmt.Sprintf("%.3g ms", c.sum(partApart, partPostgres)))
		p50, p99 := talk.delivery()
		t.show("E1", "of these, lost or doubled", fmt.Sprint(messages-len(talk.took)))
		t.show("E1", fmt.Sprintf("delivery to the other end, p50 / p99 (%v on a quiet machine)", mostChatTime), fmt.Sprintf("%.0f / %.0f ms", ms(p50), ms(p99)))
		talk.close()
		return fewMessages(ctx, s, t, kept, apart)
	})
}

// fewMessages is what a house without a rush sees (P12).
func fewMessages(ctx context.Context, s *session, t *table, kept *store.Store, apart *house.Apart) error {
	talk, err := openTalk(ctx, kept, apart.HTTP, 50, customersSpeak)
	if err != nil {
		return err
	}
	defer talk.close()
	if err := s.rest(ctx); err != nil {
		return err
	}
	messages := slowRate * slowSeconds
	c, err := s.measure(ctx, messages, func() (time.Duration, error) { return talk.run(ctx, messages, slowRate, "") })
	if err != nil {
		return err
	}
	what := fmt.Sprintf("one of %d chat messages a second, customer to agent: ", slowRate)
	t.atMost("P12", what+"CPU of server and PostgreSQL", c.sum(partApart, partPostgres), "ms", mostChatCPU)
	t.atMost("P12", what+"commits", c.Commits, "", mostChatCommits)
	t.show("P12", what+fmt.Sprintf("WAL flushes (%g; each message by itself is at least one)", mostSlowFlushes), fmt.Sprintf("%.3g", c.Flushes))
	p50, p99 := talk.delivery()
	t.show("P12", what+"p50 / p99 (4 / 6 ms on a quiet machine)", fmt.Sprintf("%.1f / %.1f ms", ms(p50), ms(p99)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// middle gives the median of some figures with the least and the most.
func middle(list []float64) (median, least, most float64) {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2], list[0], list[len(list)-1]
}
