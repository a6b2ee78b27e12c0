package store

import (
	"context"

	"parley/interaction"
)

// conversations are the names of what an inbound thing belongs to, as they are remembered beside message ids: they begin with what no message id
// can hold, and with the entry point, so that two carriers' equal names are two.
func conversations(in interaction.Taken, p interaction.Parsed) []string {
	var names []string
	for _, c := range p.Conversations {
		if c != "" && len(c) <= maxAttribute {
			names = append(names, "\x00conversation\x00"+in.EntryPoint+"\x00"+c)
		}
	}
	return names
}

// joins gives the thread of the contact's newest open interaction, where the policy of the entry point says that what arrives there joins it: one person who
// changes the channel is one conversation. Chats and callbacks stay by themselves, and so does what strangers can read.
func (t *tx) joins(ctx context.Context, entryPoint string, contact interaction.ID) (thread interaction.ID, err error) {
	err = t.QueryRow(ctx, `select i.thread_id from interactions i join entry_points e on e.name = $1 and e.joins
		where i.contact_id = $2 and i.channel not in ('chat', 'callback')
			and not exists (select 1 from messages m where m.interaction_id = i.id and m.visibility in ('public', 'unlisted')) order by i.id desc limit 1`, entryPoint, contact).Scan(&thread)
	if noRows(err) {
		return "", nil
	}
	return thread, err
}
