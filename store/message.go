package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// maxText bounds what of a body is kept as text; the raw bytes are kept whole.
const maxText = 1 << 20

// insertMessage writes a message under the number it was given by its interaction's row lock. One of ours gets its
// Message-ID here, for every attempt to send it the same.
func (t *tx) insertMessage(ctx context.Context, m interaction.Message) error {
	if m.MessageID == "" && (m.Kind == interaction.MessageReply || m.Kind == interaction.MessageAuto || m.Kind == interaction.MessageTranscript || m.Kind == interaction.MessageSurvey) {
		m.MessageID = fmt.Sprintf("%s.%d@%s", m.Interaction, m.Number, t.mailDomain)
	}
	t.put(`
		insert into messages (interaction_id, number, kind, author, sender, reply_to, recipients, copies, subject, body, html, reply_body,
			message_id, in_reply_to, refs, inbound_id, attachments, headers, problems, machine, entry_point, auth, visibility, response_id, response_version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, coalesce($22, '{}'::jsonb), $23, $24, nullif($25::bigint, 0))`,
		m.Interaction, m.Number, m.Kind, m.Author, m.From, m.ReplyTo, some(m.To), some(m.Cc), clip(m.Subject, 1000), clip(m.Text, maxText),
		clip(m.HTML, maxText), clip(m.ReplyText, maxText), clip(m.MessageID, 1000), clip(m.InReplyTo, 1000), some(m.References), m.Inbound,
		some(m.Attachments), some(m.Headers), some(m.Problems), m.Machine, m.EntryPoint, m.Auth, m.Visibility, m.Response, m.ResponseVersion)
	return nil
}

// some gives an empty list for nil, so that JSON and arrays never hold null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

const messageColumns = `interaction_id, number, kind, at, author, sender, reply_to, recipients, copies, subject, body, html, reply_body,
	message_id, in_reply_to, refs, inbound_id, attachments, problems, machine, headers, entry_point, auth, visibility, withdrawn,
	response_id, coalesce(response_version, 0)`

// Messages gives an interaction's messages in their order.
func (s *Store) Messages(ctx context.Context, id interaction.ID) ([]interaction.Message, error) {
	rows, err := s.pool.Query(ctx, `select `+messageColumns+` from messages where interaction_id = $1 order by number`, id)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanMessage)
	return list, translate(err)
}

// Message gives one message.
func (s *Store) Message(ctx context.Context, id interaction.ID, number int64) (interaction.Message, error) {
	return one(ctx, s.pool, "message", scanMessage, `select `+messageColumns+` from messages where interaction_id = $1 and number = $2`, id, number)
}

// querier is what both the pool and a transaction can do.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// one reads a single row; none is an unknown error for what.
func one[T any](ctx context.Context, q querier, what string, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	var zero T
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return zero, translate(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, scan)
	if noRows(err) {
		return zero, interaction.Unknown(what)
	}
	return v, translate(err)
}

func scanMessage(row pgx.CollectableRow) (interaction.Message, error) {
	var m interaction.Message
	err := row.Scan(&m.Interaction, &m.Number, &m.Kind, &m.At, &m.Author, &m.From, &m.ReplyTo, &m.To, &m.Cc, &m.Subject, &m.Text, &m.HTML, &m.ReplyText,
		&m.MessageID, &m.InReplyTo, &m.References, &m.Inbound, &m.Attachments, &m.Problems, &m.Machine, &m.Headers, &m.EntryPoint, &m.Auth,
		&m.Visibility, &m.Withdrawn, &m.Response, &m.ResponseVersion)
	if m.Withdrawn {
		m.Subject, m.Text, m.HTML, m.ReplyText, m.Attachments = "", "", "", "", nil
	}
	return m, err
}
