package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// old gives a store with n mails that stopped so many days ago, each of its own customer.
func old(t *testing.T, s *store.Store, n, days int) []interaction.ID {
	t.Helper()
	ids := make([]interaction.ID, n)
	for i := range ids {
		ids[i] = arrive(t, s, fmt.Sprintf("c%d-%d@customer.test", days, i), "Secret")
		_, err := s.Stop(t.Context(), ids[i], 1, "done")
		require.NoError(t, err)
	}
	exec(t, s, `update closed_interactions set stopped_at = now() - make_interval(days => $2) where id = any($1::uuid[])`, ids, days)
	return ids
}

// rules puts rules of retention in force.
func rules(t *testing.T, s *store.Store, list ...interaction.RetentionRule) {
	t.Helper()
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Retention: list}))
}

// retained works until nothing is left to do.
func retained(t *testing.T, s *store.Store) {
	t.Helper()
	for worked := true; worked; {
		var err error
		worked, err = s.Retain(t.Context())
		require.NoError(t, err)
	}
}

// What a dry run tells is what goes: no more, and what is open or younger stays. A rule that comes later or asks for less goes on from there.
func TestRetention(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	aged, young := old(t, s, 60, 40), old(t, s, 5, 10)
	open := arrive(t, s, "open@customer.test", "Secret")
	count := func(sql string, ids []interaction.ID) int { return scan[int](t, s, sql, ids) }
	const raws = `select count(*) from raw_pieces p join inbound b on b.raw_id = p.raw_id where b.interaction_id = any($1::uuid[])`
	const texts = `select count(*) from messages where interaction_id = any($1::uuid[]) and subject = 'Secret' and body <> ''`

	raw := interaction.RetentionRule{Name: "raw", Kind: interaction.RetainRaw, Channel: interaction.Email, Days: 30}
	told, err := s.RetentionForecast(ctx, []interaction.RetentionRule{raw, {Name: "all", Kind: interaction.RetainContent, Days: 5}})
	require.NoError(t, err)
	require.Equal(t, []int{60, 65}, []int{told[0].Things, told[1].Things})
	require.False(t, told[0].More)
	require.Equal(t, 66, scan[int](t, s, `select count(*) from raw_pieces`), "a dry run changes nothing")
	retained(t, s)
	require.Equal(t, 66, scan[int](t, s, `select count(*) from raw_pieces`), "without rules nothing goes")

	rules(t, s, raw)
	retained(t, s)
	require.Zero(t, count(raws, aged))
	require.Equal(t, 60, count(texts, aged), "texts stay")
	require.Equal(t, 5, count(raws, young))
	require.Equal(t, 2, scan[int](t, s, `select count(*) from events where code = 'retention.applied'`), "a line a batch")
	told, err = s.RetentionForecast(ctx, nil)
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.Zero(t, told[0].Things)
	_, err = s.Raw(ctx, scan[interaction.ID](t, s, `select id from inbound where interaction_id = $1`, aged[0]))
	require.Equal(t, "raw_message_gone", code(err))

	rules(t, s, interaction.RetentionRule{Name: "raw", Kind: interaction.RetainRaw, Channel: interaction.Email, Days: 7})
	retained(t, s)
	require.Zero(t, count(raws, young))
	require.Equal(t, 1, count(raws, []interaction.ID{open}))

	rules(t, s, interaction.RetentionRule{Name: "words", Kind: interaction.RetainContent, Days: 30})
	retained(t, s)
	require.Zero(t, count(texts, aged))
	require.Equal(t, 60, count(`select count(*) from closed_interactions where id = any($1::uuid[]) and gone = 'retention'`, aged))
	require.Equal(t, 60, count(`select count(*) from messages where interaction_id = any($1::uuid[])`, aged), "that there was something stays")
	require.Equal(t, 5, count(texts, young))
	require.Equal(t, 1, count(texts, []interaction.ID{open}))
	check, err := s.VerifyAudit(ctx, "")
	require.NoError(t, err)
	require.Empty(t, check.Faults)
}

// A rule without a channel is for those that have none of its kind.
func TestRetentionByChannel(t *testing.T) {
	s := storetest.New(t, store.Options{})
	mail, form := old(t, s, 2, 40), old(t, s, 2, 41)
	exec(t, s, `update closed_interactions set channel = 'webform' where id = any($1::uuid[])`, form)
	rules(t, s, interaction.RetentionRule{Name: "mail", Kind: interaction.RetainContent, Channel: interaction.Email, Days: 90},
		interaction.RetentionRule{Name: "others", Kind: interaction.RetainContent, Days: 30})
	retained(t, s)
	require.Equal(t, 2, scan[int](t, s, `select count(*) from closed_interactions where id = any($1::uuid[]) and gone = ''`, mail))
	require.Equal(t, 2, scan[int](t, s, `select count(*) from closed_interactions where id = any($1::uuid[]) and gone = 'retention'`, form))
}

// Who has nothing open and of whom nothing was heard is erased; the others stay.
func TestRetentionOfContacts(t *testing.T) {
	s := storetest.New(t, store.Options{})
	long, lately, back := old(t, s, 3, 500), old(t, s, 2, 10), old(t, s, 1, 400)
	writes := arrive(t, s, "c400-0@customer.test", "Here again")
	require.Equal(t, contactOf(t, s, back[0]), contactOf(t, s, writes))
	rule := interaction.RetentionRule{Name: "people", Kind: interaction.RetainContacts, Days: 365}
	rules(t, s, rule)
	retained(t, s)
	require.Zero(t, scan[int](t, s, `select count(*) from erasures`), "nobody is known for so long")

	// They came long ago: ids tell the time, and so these get older ones.
	exec(t, s, `create table aged as select id, overlay(id::text placing left(uuid_at(now() - interval '2 years')::text, 13) from 1 for 13)::uuid as older from contacts`)
	for _, statement := range []string{
		`alter table contact_attributes drop constraint contact_attributes_contact_id_fkey`,
		`update contact_attributes c set contact_id = older from aged where aged.id = c.contact_id`, `update threads c set contact_id = older from aged where aged.id = c.contact_id`,
		`update interactions c set contact_id = older from aged where aged.id = c.contact_id`, `update closed_interactions c set contact_id = older from aged where aged.id = c.contact_id`,
		`update contacts c set id = older from aged where aged.id = c.id`, `update retention_positions set next_at = now()`,
	} {
		exec(t, s, statement)
	}
	told, err := s.RetentionForecast(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 3, told[0].Things)
	retained(t, s)
	require.Equal(t, 3, scan[int](t, s, `select count(*) from erasures where reason = 'retention' and agent_id is null`))
	for _, id := range long {
		require.NotNil(t, scan[*string](t, s, `select erased_at::text from contacts where id = $1`, contactOf(t, s, id)))
	}
	for _, id := range append(lately, back...) {
		require.Nil(t, scan[*string](t, s, `select erased_at::text from contacts where id = $1`, contactOf(t, s, id)))
	}
}

// Retention comes to its next interactions by an index, however many there are: no plan reads a table through.
func TestRetentionScansNothing(t *testing.T) {
	s := storetest.New(t, store.Options{})
	exec(t, s, `insert into closed_interactions (id, thread_id, contact_id, channel, entry_point, queue, direction, language, category, confidence, priority, workflow, kit, opened_at, messages, news, version, reason, stopped_at)
		select (left(uuid_at(now())::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(), gen_random_uuid(), case n % 4 when 0 then 'chat' else 'email' end, 'support', 'service', 'in', '', '', 0, 0, 'Email', 1,
			now(), 1, 1, 1, 'done', now() - make_interval(mins => n) from generate_series(1, 40000) n`)
	exec(t, s, `analyze`)
	exec(t, s, `insert into retention_positions (kind, channel, stopped_at) values ('content', 'email', now() - interval '27 days')`)
	for name, plan := range store.RetentionPlans(t.Context(), t, s) {
		var nodes []struct{ Plan json.RawMessage }
		require.NoError(t, json.Unmarshal(plan, &nodes), name)
		require.NotContains(t, string(plan), `"Seq Scan"`, "%s: %s", name, plan)
		var top struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
		require.NoError(t, json.Unmarshal(nodes[0].Plan, &top))
		require.Less(t, top.Hit+top.Read, 200, "%s: %s", name, plan)
	}
}

// The parts of a long message go with it, and of a part that came twice nothing was kept in the first place; so do files of social messages, which lie in the raw bytes.
func TestRetentionOfPartsAndMedia(t *testing.T) {
	s := shortHouse(t, nil)
	key := "parts"
	first := accept(t, s, "first half ")
	kept, err := s.KeepPart(t.Context(), first, part(key, 1, 2, "first half "))
	require.NoError(t, err)
	require.True(t, kept.Wait)
	for _, words := range []string{"first half ", "other words"} { // the carrier sends it again, and once with something else in it
		again := accept(t, s, words)
		kept, err = s.KeepPart(t.Context(), again, part(key, 1, 2, words))
		require.NoError(t, err)
		require.True(t, kept.Wait)
		require.Zero(t, scan[int](t, s, `select count(*) from raw_pieces where raw_id = (select raw_id from inbound where id = $1)`, again.ID))
		require.Equal(t, "{}", scan[string](t, s, `select facts::text from inbound where id = $1`, again.ID))
	}
	second := accept(t, s, "second half")
	kept, err = s.KeepPart(t.Context(), second, part(key, 2, 2, "second half"))
	require.NoError(t, err)
	require.False(t, kept.Wait)
	p := says(texter, "first half second half")
	p.Joined = []interaction.ID{first.ID}
	require.NoError(t, s.Settle(t.Context(), second, p))
	id := scan[interaction.ID](t, s, `select interaction_id from inbound where id = $1`, second.ID)
	require.Equal(t, 2, scan[int](t, s, `select count(*) from raw_pieces`))
	_, err = s.Stop(t.Context(), id, 1, "done")
	require.NoError(t, err)
	exec(t, s, `update closed_interactions set stopped_at = now() - interval '40 days'`)
	rules(t, s, interaction.RetentionRule{Name: "raw", Kind: interaction.RetainRaw, Channel: interaction.SMS, Days: 30})
	retained(t, s)
	require.Zero(t, scan[int](t, s, `select count(*) from raw_pieces`))
	require.Equal(t, "first half second half", scan[string](t, s, `select body from messages where interaction_id = $1 and number = 1`, id), "what was said stays")
}
