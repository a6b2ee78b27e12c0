package store

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Consult asks a colleague, or anybody of a group, about a held task.
func (s *Store) Consult(ctx context.Context, by interaction.Actor, id interaction.ID, agent interaction.ID, group, question string) (interaction.ID, error) {
	consults, err := s.ConsultAll(ctx, by, id, []interaction.Asked{{Agent: agent, Group: group}}, question)
	if err != nil {
		return "", err
	}
	return consults[0], nil
}

// ConsultAll asks several colleagues and groups the same about a held task, each by a task of his own; the asking agent keeps his.
func (s *Store) ConsultAll(ctx context.Context, by interaction.Actor, id interaction.ID, whom []interaction.Asked, question string) ([]interaction.ID, error) {
	return act(ctx, s, by, func(t *tx) ([]interaction.ID, error) {
		row, err := t.lockMine(ctx, by, id, 0)
		if err != nil {
			return nil, err
		}
		consults := make([]interaction.ID, len(whom))
		for n, asked := range whom {
			if slices.Contains(whom[:n], asked) {
				return nil, interaction.Invalid("asked_twice", "agent_ids", "names somebody twice")
			}
			if consults[n], err = t.consult(ctx, by, row, asked, question); err != nil {
				return nil, err
			}
		}
		return consults, nil
	})
}

// consult opens a question about a locked task, by its holder or who works on it with him.
func (t *tx) consult(ctx context.Context, by interaction.Actor, row taskRow, asked interaction.Asked, question string) (interaction.ID, error) {
	if asked.Agent == by.Agent {
		return "", interaction.Invalid("bad_agent", "agent", "ask somebody else than yourself")
	}
	if asked.Agent != "" {
		if err := t.checkAgent(ctx, "agent", asked.Agent); err != nil {
			return "", err
		}
	}
	if asked.Group != "" {
		var found bool
		if err := t.QueryRow(ctx, `select exists (select 1 from groups where name = $1)`, asked.Group).Scan(&found); err != nil {
			return "", err
		}
		if !found {
			return "", interaction.Invalid("unknown_group", "group", "there is no group of that name")
		}
	}
	t.tasks = true
	id := interaction.NewID()
	_, err := t.Exec(ctx, `
		with asking as (update tasks set version = version + 1 where id = $2)
		insert into tasks (id, interaction_id, kind, step, channel, class, state, queue, group_name, priority, reserved_for, reserved_until, parent_id,
			author, message_number, note)
		select $1, interaction_id, 'consult', step, channel, 'consult', 'queued', queue, $3, priority, $4, now() + interval '100 years', id, $6, message_number, $5
		from tasks where id = $2`, id, row.ID, asked.Group, asked.Agent, question, by.Agent)
	if err != nil {
		return "", err
	}
	return id, t.audit(ctx, event{
		Code: "task.consulted", Actor: by, Interaction: row.Interaction, Task: id, Queue: row.Queue,
		To: string(interaction.TaskQueued), Data: map[string]any{"asking": row.ID},
	})
}

// given is an answer to a question of a task.
type given struct {
	ID   interaction.ID
	Name string // whose it is
	At   time.Time
	Text string
}

// Marks around a colleague's words in a draft. A reply that still has one is refused: they are not for the customer.
const (
	answerMark = "[[ answer of "
	answerEnd  = "[[ end ]]"
)

// JoinAnswers puts answers of colleagues behind what the draft of a held task says, each marked whose it is and once only: those named, or all that are not
// in it yet. version is that of the draft, 0 for whatever is there.
func (s *Store) JoinAnswers(ctx context.Context, by interaction.Actor, task interaction.ID, version int64, which []interaction.ID) (interaction.Draft, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Draft, error) {
		d := interaction.Draft{Task: task, Author: by.Agent}
		row, err := t.lockMine(ctx, by, task, 0)
		if err != nil {
			return d, err
		}
		err = t.QueryRow(ctx, `select subject, body, html, attachments, answers, version from drafts where task_id = $1 for update`, task).
			Scan(&d.Subject, &d.Text, &d.HTML, &d.Attachments, &d.Answers, &d.Version)
		if err != nil && !noRows(err) {
			return d, err
		}
		if version != 0 && version != d.Version {
			return d, interaction.Stale(d.Version)
		}
		answers, err := t.answersTo(ctx, row, which, d.Answers)
		if err != nil {
			return d, err
		}
		for _, a := range answers {
			join(&d, a)
		}
		err = t.QueryRow(ctx, `
			insert into drafts as d (task_id, author, subject, body, html, attachments, answers) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (task_id) do update set author = $2, body = $4, html = $5, answers = $7, saved_at = now(), version = d.version + 1
			returning saved_at, version`, task, by.Agent, d.Subject, d.Text, d.HTML, some(d.Attachments), some(d.Answers)).Scan(&d.SavedAt, &d.Version)
		if err != nil || len(answers) == 0 {
			return d, err
		}
		return d, t.auditTask(ctx, by, row, "draft.answers_joined", row.State, map[string]any{"answers": d.Answers[len(d.Answers)-len(answers):]})
	})
}

// answersTo gives the answers to a task's questions that are to be joined, in the order of asking.
func (t *tx) answersTo(ctx context.Context, row taskRow, which, joined []interaction.ID) ([]given, error) {
	rows, err := t.Query(ctx, `select c.id, a.name, c.closed_at, c.answer from closed_tasks c join agents a on a.id = c.agent_id
		where c.interaction_id = $1 and c.parent_id = $2 and c.kind = 'consult' and c.state = 'done' and (cardinality($3::uuid[]) = 0 or c.id = any($3)) order by c.id`,
		row.Interaction, row.ID, some(which))
	if err != nil {
		return nil, err
	}
	answers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[given])
	if err != nil {
		return nil, err
	}
	for _, id := range which {
		if !slices.ContainsFunc(answers, func(a given) bool { return a.ID == id }) {
			return nil, interaction.Invalid("not_answered", "consult_ids", "has a question that nobody has answered for this task: %s", id)
		}
	}
	return slices.DeleteFunc(answers, func(a given) bool { return slices.Contains(joined, a.ID) }), nil
}

// join puts an answer behind the draft's text, and behind its HTML where it has any.
func join(d *interaction.Draft, a given) {
	mark := answerMark + a.Name + ", " + a.At.UTC().Format("2006-01-02 15:04 UTC") + " ]]"
	if d.Text != "" && !strings.HasSuffix(d.Text, "\n") {
		d.Text += "\n"
	}
	d.Text += mark + "\n" + strings.TrimRight(a.Text, "\n") + "\n" + answerEnd + "\n"
	if d.HTML != "" {
		d.HTML += fmt.Sprintf("<p>%s</p><p>%s</p><p>%s</p>", html.EscapeString(mark), strings.ReplaceAll(html.EscapeString(a.Text), "\n", "<br>"), answerEnd)
	}
	d.Answers = append(d.Answers, a.ID)
}

// checkMarks refuses a reply in which a joined answer still has its marks.
func (t *tx) checkMarks(ctx context.Context, task interaction.ID, r interaction.Reply) error {
	has := func(s string) bool { return strings.Contains(s, answerMark) || strings.Contains(s, answerEnd) }
	if !has(r.Text) && !has(r.HTML) {
		return nil
	}
	var joined bool
	err := t.QueryRow(ctx, `select answers <> '{}' from drafts where task_id = $1`, task).Scan(&joined)
	if noRows(err) || err == nil && !joined {
		return nil // the words are the agent's own
	}
	if err != nil {
		return err
	}
	field := "text"
	if !has(r.Text) {
		field = "html"
	}
	return interaction.Invalid("marks_left", field, "still has the marks of a colleague's answer; take the lines beginning with [[ out before the customer sees them")
}
