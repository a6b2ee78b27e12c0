package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// take gives the next delivery once what was committed can be seen by streams.
func takeWebhook(t *testing.T, s *store.Store) interaction.WebhookCall {
	t.Helper()
	var call *interaction.WebhookCall
	require.Eventually(t, func() bool {
		var err error
		call, err = s.TakeWebhook(t.Context())
		require.NoError(t, err)
		return call != nil
	}, 10*time.Second, 10*time.Millisecond)
	return *call
}

func codes(events []interaction.Event) (list []string) {
	for _, e := range events {
		list = append(list, e.Code)
	}
	return list
}

func TestAWebhookHearsOfWhatItWantsInOrderUntilItSaysYes(t *testing.T) {
	s := storetest.New(t, store.Options{})
	root := storetest.Person(t, s, "root")
	arrive(t, s, "c@customer.test", "Before it was there")
	_, err := s.ApplyChanges(t.Context(), root, interaction.Setup{Webhooks: []interaction.Webhook{{Name: "crm", URL: "https://crm.example.test/", Events: []string{"task.*", "interaction.stopped"}}}}, false)
	require.NoError(t, err)

	id := arrive(t, s, "c@customer.test", "Kettle")
	task := open(t, s, id, "ask")
	ann := storetest.Person(t, s, "ann")
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)

	var first interaction.WebhookCall
	require.Eventually(t, func() bool {
		exec(t, s, `update webhooks set leased_until = null`)
		first = takeWebhook(t, s)
		return len(first.Events) == 2
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, []string{"task.opened", "task.claimed"}, codes(first.Events))
	none, err := s.TakeWebhook(t.Context())
	require.NoError(t, err)
	require.Nil(t, none, "under a lease")

	require.NoError(t, s.EndWebhook(t.Context(), first, interaction.WebhookOutcome{Answer: "503 Service Unavailable"}))
	view, err := s.Webhook(t.Context(), "crm")
	require.NoError(t, err)
	require.Equal(t, 1, view.Attempts)
	require.False(t, view.Failing.IsZero())
	require.Equal(t, "503 Service Unavailable", view.Answer)
	none, err = s.TakeWebhook(t.Context())
	require.NoError(t, err)
	require.Nil(t, none, "it is left alone for a while")

	exec(t, s, `update webhooks set next_at = now()`)
	again := takeWebhook(t, s)
	require.Equal(t, codes(first.Events), codes(again.Events))

	// Its process dies with the call in hand: another one makes it after the lease, and the first one's word counts no more.
	exec(t, s, `update webhooks set leased_until = now()`)
	other := takeWebhook(t, s)
	require.Equal(t, codes(first.Events), codes(other.Events))
	require.NoError(t, s.EndWebhook(t.Context(), again, interaction.WebhookOutcome{Delivered: true}))
	require.NoError(t, s.Release(t.Context(), ann, task, 0))
	var last interaction.WebhookCall
	require.Eventually(t, func() bool { // an event is told of when no transaction before it is running any more
		exec(t, s, `update webhooks set leased_until = now()`)
		last = takeWebhook(t, s)
		require.Equal(t, codes(first.Events), codes(last.Events)[:2], "the cursor has not moved")
		return len(last.Events) == 3 && last.Events[2].Code == "task.released"
	}, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, s.EndWebhook(t.Context(), last, interaction.WebhookOutcome{Delivered: true}))
	view, err = s.Webhook(t.Context(), "crm")
	require.NoError(t, err)
	require.True(t, view.Failing.IsZero())
	none, err = s.TakeWebhook(t.Context())
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestAWebhookIsSwitchedOffWhenNobodyWantsIt(t *testing.T) {
	s := storetest.New(t, store.Options{})
	root := storetest.Person(t, s, "root")
	for _, c := range []struct {
		name    string
		failing string
		outcome interaction.WebhookOutcome
		off     bool
	}{
		{"gone", "null", interaction.WebhookOutcome{Gone: true}, true},
		{"away", "now() - interval '6 days'", interaction.WebhookOutcome{}, false},
		{"away_for_long", "now() - interval '8 days'", interaction.WebhookOutcome{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.ApplyChanges(t.Context(), root, interaction.Setup{Webhooks: []interaction.Webhook{{Name: c.name, URL: "https://x.example.test/"}}}, false)
			require.NoError(t, err)
			exec(t, s, `update webhooks set failing_since = `+c.failing+` where name = $1`, c.name)
			arrive(t, s, "c@customer.test", "Kettle")
			require.NoError(t, s.EndWebhook(t.Context(), takeWebhook(t, s), c.outcome))
			view, err := s.Webhook(t.Context(), c.name)
			require.NoError(t, err)
			require.Equal(t, c.off, view.Disabled)
			exec(t, s, `delete from webhooks`)
		})
	}
}

func TestANewSecretSignsBesideTheOldOneForADay(t *testing.T) {
	s := storetest.New(t, store.Options{})
	root := storetest.Person(t, s, "root")
	_, err := s.ApplyChanges(t.Context(), root, interaction.Setup{Webhooks: []interaction.Webhook{{Name: "crm", URL: "https://x.example.test/"}}}, false)
	require.NoError(t, err)
	secret, err := s.RotateWebhook(t.Context(), root, "crm")
	require.NoError(t, err)
	call := takeWebhook(t, s) // of its own making
	require.Len(t, call.Secrets, 2)
	require.Equal(t, secret, call.Secrets[0])
	exec(t, s, `update webhooks set leased_until = null, old_until = now()`)
	require.Equal(t, [][]byte{secret}, takeWebhook(t, s).Secrets)
	_, err = s.RotateWebhook(t.Context(), root, "none")
	require.Equal(t, "unknown_webhook", code(err))
}

func TestWebhooksAreConfiguration(t *testing.T) {
	s := storetest.New(t, store.Options{})
	root := storetest.Person(t, s, "root")
	setup := interaction.Setup{Webhooks: []interaction.Webhook{{Name: "crm", URL: "https://x.example.test/", Events: []string{"send.*"}}}}
	for _, want := range []int{1, 0} { // the same again changes nothing
		changes, err := s.ApplyChanges(t.Context(), root, setup, false)
		require.NoError(t, err)
		require.Len(t, changes, want)
	}
	for _, address := range []string{"", "crm.example.test", "ftp://x.example.test/", "https://me:secret@x.example.test/", "https:///path"} {
		setup.Webhooks[0].URL = address
		require.Equal(t, interaction.KindInvalid, interaction.KindOf(s.Apply(t.Context(), root, setup)), address)
	}
	exec(t, s, `update webhooks set enabled = false, failing_since = now()`)
	setup.Webhooks[0].URL = "https://x.example.test/"
	require.NoError(t, s.Apply(t.Context(), root, setup))
	view, err := s.Webhook(t.Context(), "crm")
	require.NoError(t, err)
	require.False(t, view.Disabled, "what was switched off is on again")
	require.True(t, view.Failing.IsZero())
}
