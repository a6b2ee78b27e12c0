package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// ChatMessages gives what is behind a number, oldest first, at most limit; internal messages only when asked for. What is given is complete
// up to its last number: a lower one cannot commit later.
func (s *Store) ChatMessages(ctx context.Context, session interaction.ID, after int64, internal bool, limit int) ([]interaction.ChatMessage, error) {
	rows, err := s.pool.Query(ctx, `select `+chatColumns+` from chat_messages where session_id = $1 and number > $2 and ($3 or not internal)
		order by number limit $4`, session, after, internal, limit)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanChatMessage)
	return list, translate(err)
}

// ChatStands tells how the sessions stand now; those that are erased are absent.
func (s *Store) ChatStands(ctx context.Context, sessions []interaction.ID) ([]interaction.ChatStand, error) {
	rows, err := s.pool.Query(ctx, `select interaction_id, last, token is not null,
		array(select agent_id from chat_participants p where p.session_id = interaction_id and p.left_at is null)
		from chat_sessions where interaction_id = any($1::uuid[])`, some(sessions))
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.ChatStand])
	return list, translate(err)
}

// ReadChats notes how far people have read, in one transaction; a lower number than before changes nothing.
func (s *Store) ReadChats(ctx context.Context, marks []interaction.ChatMark) error {
	marks = slices.Clone(marks)
	slices.SortFunc(marks, func(a, b interaction.ChatMark) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Who.Agent, b.Who.Agent))
	})
	batch := &pgx.Batch{}
	for _, m := range marks { // in one order, so that two who do this at once wait for one another and not in a circle
		if m.Who.Role == interaction.ChatCustomer {
			batch.Queue(`update chat_sessions set read_to = $2 where interaction_id = $1 and read_to < $2 and last >= $2`, m.Session, m.Number)
		} else {
			batch.Queue(`update chat_participants p set read_to = $3 from chat_sessions s where p.session_id = $1 and p.agent_id = $2 and p.read_to < $3
				and s.interaction_id = $1 and s.last >= $3`, m.Session, m.Who.Agent, m.Number)
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return translate(s.pool.SendBatch(ctx, batch).Close())
}

// WantTranscript notes where the customer wants the transcript to be mailed; an empty address: nowhere.
func (s *Store) WantTranscript(ctx context.Context, session interaction.ID, address string) error {
	_, err := s.pool.Exec(ctx, `update chat_sessions set transcript = $2 where interaction_id = $1`, session, address)
	return translate(err)
}

// RefusedChat writes into the audit that somebody tried what is not his.
func (s *Store) RefusedChat(ctx context.Context, session interaction.ID, who interaction.Party, what string) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.audit(ctx, event{
			Code: "chat.refused", Actor: interaction.Actor{Agent: who.Agent}, Interaction: session, Data: map[string]any{"role": who.Role, "what": clip(what, 40)},
		})
	})
}

// saidIn gives what was said in an interaction's chat, if it has one, as messages of the interaction.
func (s *Store) saidIn(ctx context.Context, id interaction.ID) ([]interaction.MessageView, error) {
	rows, err := s.pool.Query(ctx, `select `+chatColumns+` from chat_messages where session_id = $1 and kind in ('text', 'url', 'file', 'note', 'question')
		order by number`, id)
	if err != nil {
		return nil, translate(err)
	}
	list := []interaction.MessageView{}
	said, err := pgx.CollectRows(rows, scanChatMessage)
	for _, m := range said {
		v := interaction.MessageView{Chat: true, Message: interaction.Message{
			Interaction: id, Number: m.Number, Kind: messageKinds[m.From.Role], At: m.At, Author: m.From.Agent, From: interaction.Address{Name: m.From.Name}, Text: m.Text,
		}}
		if m.Internal {
			v.Kind = interaction.MessageNote
		}
		if m.File != nil {
			v.Attachments = []interaction.File{*m.File}
		}
		list = append(list, v)
	}
	return list, translate(err)
}

// messageKinds tells what a word of each role in a chat is among an interaction's messages.
var messageKinds = map[interaction.ChatRole]interaction.MessageKind{
	interaction.ChatCustomer: interaction.MessageIn, interaction.ChatAgent: interaction.MessageReply,
	interaction.ChatSupervisor: interaction.MessageReply, interaction.ChatSystem: interaction.MessageAuto,
}
