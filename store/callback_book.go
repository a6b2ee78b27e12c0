package store

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// BookCallback commits a request with its contact, its interaction, its place in the slot and the start of its workflow, in one transaction. The same
// request sent again is one callback. A number that waits already is refused, or its callback gets the words of this request too, as the entry point says.
func (s *Store) BookCallback(ctx context.Context, by interaction.Actor, r interaction.CallRequest) (interaction.Booked, error) {
	key, err := s.replyKey(ctx)
	if err != nil {
		return interaction.Booked{}, err
	}
	booked, err := act(ctx, s, by, func(t *tx) (interaction.Booked, error) { return t.bookCallback(ctx, s, by, r) })
	if err == nil && !booked.Merged {
		booked.Token = linkToken(key, callbackLink, booked.ID)
	}
	return booked, err
}

func (t *tx) bookCallback(ctx context.Context, s *Store, by interaction.Actor, r interaction.CallRequest) (interaction.Booked, error) {
	var booked interaction.Booked
	place, err := callbackPlace(ctx, t, s.hours, r.EntryPoint)
	if err == nil {
		err = t.mayBook(ctx, by, r.EntryPoint)
	}
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown && by.Login != "" {
			err = interaction.Invalid("unknown_entry_point", "entry_point", "there is no such entry point that takes callbacks")
		}
		return booked, err
	}
	id := interaction.NewID()
	hash, err := requestHash(r)
	if err != nil {
		return booked, err
	}
	if r.Key != "" {
		had, isNew, err := t.claimSource(ctx, callbackSource(r), id)
		if err != nil {
			return booked, err
		}
		if !isNew {
			return t.bookedBefore(ctx, had, hash)
		}
	}
	who, err := s.person(&place, r)
	if err != nil {
		return booked, err
	}
	for range 3 { // the one that waits may end meanwhile
		isFirst, err := t.exec(ctx, `insert into callback_numbers (entry_point, phone, interaction_id) values ($1, $2, $3) on conflict do nothing`, r.EntryPoint, who.phone.E164, id)
		if err != nil {
			return booked, err
		}
		if isFirst {
			when, err := t.callTime(ctx, &place, r.CallWhen)
			if err == nil {
				err = t.openCallback(ctx, by, id, &place, who, when, hash)
			}
			if err != nil {
				return booked, err
			}
			booked.Call, err = callback(ctx, t, id)
			return booked, err
		}
		if place.Settings.Duplicate != interaction.DuplicateMerge {
			return booked, interaction.Conflict("already_waiting", "this number waits for a call already; move or cancel that one")
		}
		merged, err := t.mergeCallback(ctx, by, r, who, hash)
		if err != nil {
			return booked, err
		}
		if merged != "" {
			booked.Merged = true
			booked.Call, err = callback(ctx, t, merged)
			return booked, err
		}
	}
	return booked, interaction.Conflict("already_waiting", "this number waits for a call already; try again in a moment")
}

// callbackSource is what makes two requests the same.
func callbackSource(r interaction.CallRequest) [32]byte {
	return interaction.SourceKey(r.EntryPoint, interaction.Identity("callback "+r.Key))
}

// mayBook refuses people whose groups have nothing to do with the entry point; customers (nobody) may.
func (t *tx) mayBook(ctx context.Context, by interaction.Actor, entryPoint string) error {
	if by.Agent == "" || by.Role == interaction.RoleAdmin {
		return nil
	}
	var may bool
	err := t.QueryRow(ctx, `select q.group_name = any($2) from entry_points e join queues q on q.name = e.queue where e.name = $1`, entryPoint, some(by.Groups)).Scan(&may)
	if noRows(err) || err == nil && !may {
		return interaction.Unknown("entry_point")
	}
	return err
}

// bookedBefore gives what the key stands for; the same key with other data is refused.
func (t *tx) bookedBefore(ctx context.Context, id interaction.ID, hash []byte) (interaction.Booked, error) {
	booked := interaction.Booked{Repeat: true}
	var requests [][]byte
	if err := t.QueryRow(ctx, `select requests from callbacks where interaction_id = $1`, id).Scan(&requests); err != nil {
		return booked, err
	}
	n := slices.IndexFunc(requests, func(had []byte) bool { return bytes.Equal(had, hash) })
	if n < 0 {
		return booked, interaction.Conflict("key_reused", "this key was used with other data; send a new one")
	}
	booked.Merged = n > 0
	var err error
	booked.Call, err = callback(ctx, t, id)
	return booked, err
}

// mergeCallback adds the words of another request to the callback of the same number that waits; empty where that one is over by now.
func (t *tx) mergeCallback(ctx context.Context, by interaction.Actor, r interaction.CallRequest, who person, hash []byte) (interaction.ID, error) {
	var id interaction.ID
	err := t.QueryRow(ctx, `select interaction_id from callback_numbers where entry_point = $1 and phone = $2`, r.EntryPoint, who.phone.E164).Scan(&id)
	if noRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	o, err := t.lockInteraction(ctx, id)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindConflict {
			return "", nil
		}
		return "", err
	}
	if c, err := t.lockCallback(ctx, id); err != nil || c.state != interaction.CallbackWaiting {
		return "", err
	}
	if err := t.insertMessage(ctx, who.message(id, o.Messages+1)); err != nil {
		return "", err
	}
	batch := &pgx.Batch{}
	batch.Queue(`update interactions set messages = messages + 1, version = version + 1 where id = $1`, id)
	batch.Queue(`update callbacks set requests = requests || $2::bytea, version = version + 1 where interaction_id = $1`, id, hash)
	if r.Key != "" {
		source := callbackSource(r)
		batch.Queue(`update source_keys set inbound_id = $2 where key = $1`, source[:], id)
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return "", err
	}
	return id, t.audit(ctx, event{Code: "callback.merged", Actor: by, Interaction: id, Data: map[string]any{"message": o.Messages + 1}})
}

// message is what somebody who wants to be called has written.
func (p person) message(id interaction.ID, number int64) interaction.Message {
	return interaction.Message{
		Interaction: id, Number: number, Kind: interaction.MessageIn, From: interaction.Address{Name: p.name, Address: p.phone.E164}, Subject: p.topic, Text: p.text,
	}
}

// sooner is by how much a callback that is wanted at once goes before others.
const sooner = 1

func (t *tx) openCallback(ctx context.Context, by interaction.Actor, id interaction.ID, place *interaction.CallbackPlace, who person, when interaction.CallTime, hash []byte) error {
	if err := t.takeSlot(ctx, place, when); err != nil {
		return err
	}
	identities := []interaction.Attribute{{Kind: "phone", Value: who.phone.E164}}
	if who.email != "" {
		identities = append(identities, interaction.Attribute{Kind: "email", Value: who.email})
	}
	thread, first := interaction.NewID(), 0
	var contact interaction.ID
	var err error
	if who.chat == "" {
		contact, err = t.findContact(ctx, interaction.Parsed{Name: who.name, Identities: identities})
	} else {
		err = t.QueryRow(ctx, `select contact_id, thread_id from interactions where id = $1`, who.chat).Scan(&contact, &thread)
	}
	if err != nil {
		return err
	}
	if when.Mode == interaction.CallNow {
		first = sooner
	}
	if _, err := t.Exec(ctx, `
		insert into interactions (id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, language, priority, workflow, kit, messages)
		select $1, $2, $3, $9, 'callback', e.name, e.queue, 'in', $4, 'received', coalesce(nullif($5, ''), e.language), q.priority + $6, e.workflow, $7, 1
		from entry_points e join queues q on q.name = e.queue where e.name = $8`,
		id, thread, contact, who.topic, who.lang, first, interaction.KitVersion, place.EntryPoint, who.chat); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(`insert into threads (id, contact_id, entry_point, last_interaction) values ($1, $2, $3, $4)
		on conflict (id) do update set last_interaction = excluded.last_interaction`, thread, contact, place.EntryPoint, id)
	batch.Queue(`insert into callbacks (interaction_id, entry_point, phone, extension, email, name, mode, zone, local, slot_at, due_at, expires_at, most, requests)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, array[$14::bytea])`,
		id, place.EntryPoint, who.phone.E164, who.phone.Extension, who.email, who.name, when.Mode, when.Zone, when.Local, orNull(when.Slot), when.Due, when.Expires,
		place.Settings.Tries, hash)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := t.insertMessage(ctx, who.message(id, 1)); err != nil {
		return err
	}
	if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsStart, Message: 1}, ""); err != nil {
		return err
	}
	if err := t.audit(ctx, event{Code: "interaction.received", Actor: by, Interaction: id, Data: map[string]any{
		"channel": interaction.Callback, "entryPoint": place.EntryPoint, "message": 1,
	}}); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: "callback.booked", Actor: by, Interaction: id, To: string(interaction.CallbackWaiting), Data: map[string]any{
		"mode": when.Mode, "due": when.Due.UTC(), "slot": !when.Slot.IsZero(),
	}})
}

// takeSlot counts one more in a slot; the count is a conditional statement, so that the last place is given once. A full one is refused with the next that has room.
func (t *tx) takeSlot(ctx context.Context, place *interaction.CallbackPlace, when interaction.CallTime) error {
	if when.Slot.IsZero() {
		return nil
	}
	taken, err := t.exec(ctx, `insert into callback_slots as s (entry_point, at, taken) values ($1, $2, 1)
		on conflict (entry_point, at) do update set taken = s.taken + 1 where s.taken < $3`, place.EntryPoint, when.Slot, place.Settings.Capacity)
	if err != nil || taken {
		return err
	}
	return t.withNext(ctx, place, when.Slot, interaction.Conflict(interaction.CodeSlotFull, "this time is taken; choose another"))
}

// freeSlot gives a place back.
func (t *tx) freeSlot(ctx context.Context, entryPoint string, slot time.Time) error {
	if slot.IsZero() {
		return nil
	}
	_, err := t.Exec(ctx, `update callback_slots set taken = greatest(taken - 1, 0) where entry_point = $1 and at = $2`, entryPoint, slot)
	return err
}
