package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// chatBatch is how many sessions one round of the clock looks at.
const chatBatch = 200

// quiet says what inactivity asks for at a moment: an alert, the end, or nothing before a later look.
type quiet struct {
	alert, end bool
	next       time.Time
}

// becomesQuiet judges a session by its policy (mission C6): an alert, if wanted a second one, and the end some time behind the last. Only what customers
// and agents say begins it anew; that has set the alerts to none.
func becomesQuiet(c *chatRow, p interaction.ChatSettings, now time.Time) quiet {
	after := func(at time.Time, seconds int) time.Time { return at.Add(time.Duration(seconds) * time.Second) }
	if c.Alerts == 0 || c.AlertedAt == nil {
		if due := after(c.ActiveAt, p.AlertSeconds); due.After(now) {
			return quiet{next: due}
		}
		if p.SecondAlert > 0 {
			return quiet{alert: true, next: after(now, p.SecondAlert)}
		}
		return quiet{alert: true, next: after(now, p.CloseSeconds)}
	}
	if c.Alerts == 1 && p.SecondAlert > 0 {
		if due := after(*c.AlertedAt, p.SecondAlert); due.After(now) {
			return quiet{next: due}
		}
		return quiet{alert: true, next: after(now, p.CloseSeconds)}
	}
	if due := after(*c.AlertedAt, p.CloseSeconds); due.After(now) {
		return quiet{next: due}
	}
	return quiet{end: true}
}

// ChatTick does what is due by time alone in chats: it alerts and ends quiet sessions, and takes tasks back from agents who held them too long or
// work here no more, who leave the session with them. It gives how many it changed. Any number of processes may run it at once:
// what somebody is changing at this moment is left for the next time, and what one has done the next one does not find.
func (s *Store) ChatTick(ctx context.Context) (int, error) {
	over, changed, err := s.alertChats(ctx)
	if err != nil {
		return changed, err
	}
	for _, id := range over {
		ended, err := s.endQuiet(ctx, id)
		if err != nil {
			return changed, err
		}
		if ended {
			changed++
		}
	}
	taken, err := s.takeBackChats(ctx)
	return changed + taken, err
}

// alertChats writes the alerts that are due, in one transaction, and gives the sessions that are to be ended.
func (s *Store) alertChats(ctx context.Context) (over []interaction.ID, changed int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		over, changed = nil, 0
		log := &chatLog{}
		if err := log.lockDue(ctx, t); err != nil || len(log.sessions) == 0 {
			return err
		}
		policies := map[string]interaction.ChatSettings{}
		for id, c := range log.sessions {
			if _, known := policies[c.EntryPoint]; !known {
				p, err := t.chatPolicy(ctx, c.EntryPoint)
				if err != nil {
					return err
				}
				policies[c.EntryPoint] = p
			}
			q := becomesQuiet(c, policies[c.EntryPoint], log.at)
			if q.end {
				over = append(over, id)
				delete(log.sessions, id)
				continue
			}
			c.DueAt = &q.next
			if q.alert {
				c.Alerts, c.AlertedAt = c.Alerts+1, &log.at
				log.add(c, interaction.ChatMessage{From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.ChatAlert})
				changed++
			}
		}
		if len(log.sessions) == 0 {
			return nil
		}
		return log.keep(ctx, t)
	})
	return over, changed, err
}

// lockDue locks the sessions that are due and that nobody else is changing.
func (l *chatLog) lockDue(ctx context.Context, t *tx) error {
	batch := &pgx.Batch{}
	l.queue(batch, `where due_at <= now() order by due_at limit $1 for update skip locked`, chatBatch)
	return t.SendBatch(ctx, batch).Close()
}

// endQuiet ends a session that is still quiet.
func (s *Store) endQuiet(ctx context.Context, id interaction.ID) (ended bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.lockStory(ctx, id); err != nil {
			return err
		}
		log, c, err := t.lockChat(ctx, id)
		if err != nil {
			return err
		}
		p, err := t.chatPolicy(ctx, c.EntryPoint)
		if err != nil {
			return err
		}
		ended = c.EndedAt == nil && c.DueAt != nil && becomesQuiet(c, p, log.at).end
		if !ended {
			return nil
		}
		return t.endChat(ctx, log, c, interaction.Party{Role: interaction.ChatSystem}, endedInactive, true)
	})
	return ended, err
}

// takeBackChats puts chats' tasks back that were held too long, or by agents who are disabled. Other channels' tasks are taken back by one
// statement (clock.go); here the agent leaves the session, too, in the same transaction.
func (s *Store) takeBackChats(ctx context.Context) (int, error) {
	rows, err := s.pool.Query(ctx, `select t.id from tasks t where t.channel = 'chat' and t.state = 'held'
		and (t.handle_until <= now() or t.agent_id in (select id from agents where not enabled)) order by t.handle_until limit $1`, chatBatch)
	if err != nil {
		return 0, translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	if err != nil {
		return 0, translate(err)
	}
	taken := 0
	for _, id := range ids {
		err := s.inTx(ctx, func(t *tx) error {
			row, err := t.lockTask(ctx, interaction.System, id)
			if err != nil || row.State != interaction.TaskHeld {
				return err
			}
			var due bool
			if err := t.QueryRow(ctx, `select t.handle_until <= now() or not a.enabled from tasks t join agents a on a.id = t.agent_id where t.id = $1`, id).Scan(&due); err != nil || !due {
				return err
			}
			taken++
			return t.requeue(ctx, row, interaction.System, "task.taken_back", "")
		})
		if err != nil && interaction.KindOf(err) != interaction.KindConflict && interaction.KindOf(err) != interaction.KindUnknown {
			return taken, err
		}
	}
	return taken, nil
}
