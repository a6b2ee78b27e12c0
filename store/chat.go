package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// A chat's session has a row of its own, and all that happens in it is numbered under that row's lock: the messages of a session are in
// one order, without gaps, whoever wrote them in whatever process, and a lower number never commits behind a higher one. The lock
// comes last in the house's order (interaction, task, agent, chat session). Messages do not lock the interaction's row; what the workflow hears of does.

// chatRow is a session's row, locked: what a transaction may change of it.
type chatRow struct {
	ID         interaction.ID
	EntryPoint string
	Nickname   string
	Last       int64
	Asking     *asking
	Sleeping   bool
	ActiveAt   time.Time
	Alerts     int
	AlertedAt  *time.Time
	DueAt      *time.Time
	EndedAt    *time.Time
	EndedBy    string
	Outside    bool // its customer is written to by text
}

// asking is the question that is open.
type asking struct {
	Key     string   `json:"key"`
	Kind    string   `json:"kind,omitempty"`
	Text    string   `json:"text"`
	Choices []string `json:"choices,omitempty"`
}

const chatRowColumns = `select interaction_id, entry_point, nickname, last, asking, sleeping, active_at, alerts, alerted_at, due_at, ended_at, ended_by, outside
	from chat_sessions `

// chatLog gathers what one transaction appends to sessions whose rows it has locked.
type chatLog struct {
	at       time.Time // by the database's clock, read behind the locks
	sessions map[interaction.ID]*chatRow
	fresh    []interaction.ChatMessage
}

// queueLock puts the locks into a batch; the log is right when the batch has run.
func (l *chatLog) queueLock(batch *pgx.Batch, ids []interaction.ID) {
	l.queue(batch, `where interaction_id = any($1::uuid[]) order by interaction_id for update`, ids)
}

func (l *chatLog) queue(batch *pgx.Batch, which string, args ...any) {
	l.sessions = map[interaction.ID]*chatRow{}
	batch.Queue(chatRowColumns+which, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[chatRow])
		for _, c := range found {
			l.sessions[c.ID] = c
		}
		return err
	})
	batch.Queue(`select clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&l.at) })
}

// lockChat locks one session; unknown where there is none.
func (t *tx) lockChat(ctx context.Context, id interaction.ID) (*chatLog, *chatRow, error) {
	l, batch := &chatLog{}, &pgx.Batch{}
	l.queueLock(batch, []interaction.ID{id})
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, err
	}
	if l.sessions[id] == nil {
		return nil, nil, interaction.Unknown("chat")
	}
	return l, l.sessions[id], nil
}

// add numbers a message.
func (l *chatLog) add(c *chatRow, m interaction.ChatMessage) interaction.ChatMessage {
	c.Last++
	m.Session, m.Number, m.At = c.ID, c.Last, l.at.UTC()
	m.Internal = m.Internal || m.Kind.ForAgentsOnly()
	l.fresh = append(l.fresh, m)
	return m
}

// wake lets the clock of inactivity run from now, if it does not run yet.
func (l *chatLog) wake(c *chatRow, p interaction.ChatSettings) {
	if c.DueAt == nil && c.EndedAt == nil {
		due := l.at.Add(time.Duration(p.AlertSeconds) * time.Second)
		c.DueAt, c.ActiveAt, c.Alerts = &due, l.at, 0
	}
}

// keep writes the messages and the sessions as they are now, and remembers whom to tell.
func (l *chatLog) keep(ctx context.Context, t *tx) error {
	batch := &pgx.Batch{}
	if len(l.fresh) > 0 {
		l.queueMessages(batch)
		l.queueOutside(batch)
	}
	if err := l.queueSessions(batch); err != nil {
		return err
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	t.appended(l.fresh)
	return nil
}

func (l *chatLog) queueMessages(batch *pgx.Batch) {
	n := len(l.fresh)
	sessions, roles, agents, names := make([]interaction.ID, n), make([]string, n), make([]*string, n), make([]string, n)
	numbers, ats := make([]int64, n), make([]time.Time, n)
	kinds, bodies, files, choices := make([]string, n), make([]string, n), make([]*string, n), make([]string, n)
	clients, internal := make([]string, n), make([]bool, n)
	for i, m := range l.fresh {
		sessions[i], numbers[i], ats[i] = m.Session, m.Number, m.At
		roles[i], agents[i], names[i] = string(m.From.Role), orNil(string(m.From.Agent)), m.From.Name
		kinds[i], bodies[i], clients[i], internal[i] = string(m.Kind), m.Text, m.ClientID, m.Internal
		files[i], choices[i] = asJSON(m.File), "[]"
		if len(m.Choices) > 0 {
			choices[i] = *asJSON(&m.Choices)
		}
	}
	batch.Queue(`
		insert into chat_messages (session_id, number, at, role, agent_id, name, kind, body, file, choices, client_id, internal)
		select session, number, at, role, agent::uuid, name, kind, body, file::jsonb,
			case choices when '[]' then '{}' else array(select jsonb_array_elements_text(choices::jsonb)) end, client, internal
		from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::text[], $12::boolean[]) as u (session, number, at, role, agent, name, kind, body, file, choices, client, internal)`,
		sessions, numbers, ats, roles, agents, names, kinds, bodies, files, choices, clients, internal)
}

// chatChange is what of a session's row can change, as the statement reads it.
type chatChange struct {
	ID        interaction.ID  `json:"id"`
	Nickname  string          `json:"nickname"`
	Last      int64           `json:"last"`
	Asking    json.RawMessage `json:"asking"`
	Sleeping  bool            `json:"sleeping"`
	ActiveAt  time.Time       `json:"active_at"`
	Alerts    int             `json:"alerts"`
	AlertedAt *time.Time      `json:"alerted_at"`
	DueAt     *time.Time      `json:"due_at"`
	EndedAt   *time.Time      `json:"ended_at"`
	EndedBy   string          `json:"ended_by"`
}

func (l *chatLog) queueSessions(batch *pgx.Batch) error {
	ids, changes := make([]interaction.ID, 0, len(l.sessions)), make([]chatChange, 0, len(l.sessions))
	for id, c := range l.sessions {
		ids = append(ids, id)
		change := chatChange{
			c.ID, c.Nickname, c.Last, nil, c.Sleeping, c.ActiveAt, c.Alerts, c.AlertedAt, c.DueAt, c.EndedAt, c.EndedBy,
		}
		if c.Asking != nil {
			var err error
			if change.Asking, err = json.Marshal(c.Asking); err != nil {
				return err
			}
		}
		changes = append(changes, change)
	}
	slices.Sort(ids)
	batch.Queue(`
		update chat_sessions s set nickname = u.nickname, last = u.last, asking = nullif(u.asking, 'null'), sleeping = u.sleeping, active_at = u.active_at,
			alerts = u.alerts, alerted_at = u.alerted_at, due_at = u.due_at, ended_at = u.ended_at, ended_by = u.ended_by
		from jsonb_to_recordset($2) as u (id uuid, nickname text, last bigint, asking jsonb, sleeping boolean, active_at timestamptz, alerts int,
			alerted_at timestamptz, due_at timestamptz, ended_at timestamptz, ended_by text)
		where s.interaction_id = any($1::uuid[]) and s.interaction_id = u.id`, ids, changes)
	return nil
}

// chatPolicy gives the policies of an entry point, defaults filled in; also of one that is disabled or gone.
func (t *tx) chatPolicy(ctx context.Context, entryPoint string) (interaction.ChatSettings, error) {
	var c *interaction.ChatSettings
	var channel interaction.Channel
	err := t.QueryRow(ctx, `select chat, channel from entry_points where name = $1`, entryPoint).Scan(&c, &channel)
	if noRows(err) {
		err = nil
	}
	return c.For(channel), err
}

// ChatSettings gives the policies of an enabled entry point for chats.
func (s *Store) ChatSettings(ctx context.Context, entryPoint string) (interaction.ChatSettings, error) {
	c, err := one(ctx, s.pool, "entry_point", pgx.RowTo[*interaction.ChatSettings],
		`select chat from entry_points where name = $1 and enabled and channel = 'chat'`, entryPoint)
	if err != nil {
		return interaction.ChatSettings{}, err
	}
	if c == nil {
		c = &interaction.ChatSettings{}
	}
	return c.WithDefaults(), nil
}

// orNil gives null for an empty text.
func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// asJSON gives null for nil. It is used for values that always encode.
func asJSON[T any](v *T) *string {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	s := string(b)
	return &s
}

// The compiler proves that the store keeps chats as the adapter wants it.
var _ interaction.ChatStore = (*Store)(nil)
