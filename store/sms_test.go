package store_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

const texter = "+491701234567"

// shortHouse is the usual house with a number for short messages.
func shortHouse(t *testing.T, settings *interaction.SMSSettings) *store.Store {
	t.Helper()
	s := storetest.New(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "texts", Channel: interaction.SMS, Address: "40404", Workflow: interaction.WorkflowSMS, Queue: "service", SMS: settings,
	}}}))
	return s
}

// accept puts one short message into the house, as an adapter does, and takes it as the intake does.
func accept(t *testing.T, s *store.Store, raw string) interaction.Taken {
	t.Helper()
	acceptOnly(t, s, raw)
	taken, err := s.Take(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	return taken[0]
}

func acceptOnly(t *testing.T, s *store.Store, raw string) interaction.Receipt {
	t.Helper()
	receipt, err := s.Accept(t.Context(), interaction.Inbound{
		Channel: interaction.SMS, Targets: []interaction.Target{{EntryPoint: "texts", Address: "40404"}}, Identity: sha256.Sum256([]byte(interaction.NewID())),
		Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(t, err)
	return receipt
}

func says(number, text string) interaction.Parsed {
	return interaction.Parsed{
		Message:    interaction.Message{Text: text, ReplyText: text, From: interaction.Address{Address: number}},
		Identities: []interaction.Attribute{{Kind: "phone", Value: number}}, Conversations: []string{"sms " + number},
	}
}

// wrote has a texter write, and gives the interaction and the number of the message.
func wrote(t *testing.T, s *store.Store, number, text string) (id interaction.ID, message int64) {
	t.Helper()
	in := accept(t, s, text)
	require.NoError(t, s.Settle(t.Context(), in, says(number, text)))
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select interaction_id, message_number from inbound where id = $1`, in.ID).Scan(&id, &message))
	return id, message
}

func TestEachMessageIsAnInteractionOfItsThread(t *testing.T) {
	s := shortHouse(t, nil)
	first, _ := wrote(t, s, texter, "where is my parcel")
	second, _ := wrote(t, s, texter, "hello?")
	other, _ := wrote(t, s, "+491709999999", "hello?")
	require.NotEqual(t, first, second)
	var same, differs bool
	var parent interaction.ID
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select a.thread_id = b.thread_id and a.contact_id = b.contact_id, a.thread_id <> c.thread_id, b.parent_id
		from interactions a, interactions b, interactions c where a.id = $1 and b.id = $2 and c.id = $3`, first, second, other).Scan(&same, &differs, &parent))
	require.True(t, same)
	require.True(t, differs)
	require.Equal(t, first, parent)
}

// part is one part of a message of text parts.
func part(key string, n, total int, text string) interaction.Part {
	return interaction.Part{Key: key, Number: n, Total: total, Sum: sha256.Sum256([]byte(text))}
}

// TestPartsAreJoined is §F3: all orders, repeats and two senders with equal references; the message is whole exactly once.
func TestPartsAreJoined(t *testing.T) {
	s := shortHouse(t, nil)
	random := rand.New(rand.NewPCG(3, 4))
	rounds := 12
	if n, err := strconv.Atoi(os.Getenv("PARLEY_PARTS")); err == nil {
		rounds = n
	}
	for round := range rounds {
		type sent struct {
			sender string
			n      int
		}
		var list []sent
		total := map[string]int{"a": 2 + random.IntN(4), "b": 2 + random.IntN(4)}
		for sender, n := range total {
			for i := 1; i <= n; i++ {
				list = append(list, sent{sender, i})
				if random.IntN(3) == 0 { // and again
					list = append(list, sent{sender, i})
				}
			}
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		whole := map[string]string{}
		for _, p := range list {
			text := fmt.Sprintf("<%d %s %d>", round, p.sender, p.n)
			in := accept(t, s, text)
			kept, err := s.KeepPart(t.Context(), in, part(fmt.Sprintf("%s %d", p.sender, round%4), p.n, total[p.sender], text))
			require.NoError(t, err)
			if kept.Wait {
				continue
			}
			require.Empty(t, whole[p.sender], "it is whole once")
			again, err := s.KeepPart(t.Context(), in, part(fmt.Sprintf("%s %d", p.sender, round%4), p.n, total[p.sender], text))
			require.NoError(t, err)
			require.Equal(t, kept, again, "a process that died here finds the same")
			for _, id := range kept.Parts {
				raw, err := s.Raw(t.Context(), id)
				require.NoError(t, err)
				whole[p.sender] += string(raw)
			}
			require.NoError(t, s.Settle(t.Context(), in, says(texter, whole[p.sender])))
		}
		for sender, n := range total {
			var want bytes.Buffer
			for i := 1; i <= n; i++ {
				fmt.Fprintf(&want, "<%d %s %d>", round, sender, i)
			}
			require.Equal(t, want.String(), whole[sender])
		}
		// A minute later the references are used again (M-13).
		_, err := s.Pool().Exec(t.Context(), `update part_groups set opened_at = opened_at - interval '61 seconds'`)
		require.NoError(t, err)
	}
	require.Zero(t, waiting(t, s))
	t.Logf("%d rounds of parts, all joined", rounds)
}

func waiting(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from inbound where state = 'new'`).Scan(&n))
	return n
}

func TestAMessageThatStaysIncompleteIsShown(t *testing.T) {
	s := shortHouse(t, nil)
	var came [4]interaction.Taken
	for _, n := range []int{1, 3} {
		came[n] = accept(t, s, fmt.Sprint(n))
		kept, err := s.KeepPart(t.Context(), came[n], part("k", n, 3, fmt.Sprint(n)))
		require.NoError(t, err)
		require.True(t, kept.Wait)
	}
	first, third := came[1], came[3]
	n, err := s.GiveUpParts(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n, "it is waited for")
	_, err = s.Pool().Exec(t.Context(), `update part_groups set opened_at = opened_at - interval '6 minutes'`)
	require.NoError(t, err)
	n, err = s.GiveUpParts(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	taken, err := s.Take(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	require.Equal(t, third.ID, taken[0].ID)
	kept, err := s.KeepPart(t.Context(), taken[0], part("k", 3, 3, "3"))
	require.NoError(t, err)
	require.Equal(t, interaction.KeptPart{Parts: []interaction.ID{first.ID, "", third.ID}}, kept)
}

func TestTheSamePartWithOtherWordsIsNoted(t *testing.T) { // M-11
	s := shortHouse(t, nil)
	kept, err := s.KeepPart(t.Context(), accept(t, s, "a"), part("k", 1, 2, "a"))
	require.NoError(t, err)
	require.True(t, kept.Wait)
	kept, err = s.KeepPart(t.Context(), accept(t, s, "b"), part("k", 1, 2, "b"))
	require.NoError(t, err)
	require.Equal(t, interaction.KeptPart{Wait: true, Differ: true}, kept)
	kept, err = s.KeepPart(t.Context(), accept(t, s, "c"), part("k", 2, 2, "c"))
	require.NoError(t, err)
	require.True(t, kept.Differ)
	raw, err := s.Raw(t.Context(), kept.Parts[0])
	require.NoError(t, err)
	require.Equal(t, "a", string(raw), "the first is kept")
}

// TestReceiptsFindTheirMessages is §F6: receipts in another base than the answer, some before it, all of them matched.
func TestReceiptsFindTheirMessages(t *testing.T) {
	s := shortHouse(t, nil)
	count := 150
	if n, err := strconv.Atoi(os.Getenv("PARLEY_RECEIPTS")); err == nil {
		count = n
	}
	id, number := wrote(t, s, texter, "hello")
	random := rand.New(rand.NewPCG(5, 6))
	for n := range count {
		to := fmt.Sprintf("+4917%08d", n)
		name := func(written string) string { return to + "/" + written }
		hex, decimal := fmt.Sprintf("%x", 1000+n), strconv.Itoa(1000+n)
		spell := []string{name(hex), name(decimal)}
		answer := func() {
			require.NoError(t, s.NameCarried(t.Context(), id, number, interaction.CarrierName{ID: name(hex), Spellings: spell}))
		}
		receipt := func() {
			_, err := s.Receipt(t.Context(), interaction.Receipted{
				EntryPoint: "texts", ID: name(decimal), State: interaction.ReceiptDelivered, Spellings: []string{name(decimal), name(hex)},
			})
			require.NoError(t, err)
		}
		switch random.IntN(3) {
		case 0:
			answer()
			receipt()
		case 1:
			receipt()
			answer()
		default:
			var both sync.WaitGroup
			both.Go(answer)
			both.Go(receipt)
			both.Wait()
		}
	}
	var matched, all int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) filter (where state = 'delivered' and interaction_id = $1), count(*) from carrier_ids`, id).Scan(&matched, &all))
	require.Equal(t, count, matched)
	require.Equal(t, count, all)
	t.Logf("%d receipts, all matched", matched)
}

// TestWhoHasOptedOutIsNotWrittenTo is M-28: by no sender, and the refusal says why.
func TestWhoHasOptedOutIsNotWrittenTo(t *testing.T) {
	for _, word := range []string{"STOP", "Arrêt", "stopp.", "\"Stop\""} {
		t.Run(word, func(t *testing.T) {
			s := shortHouse(t, nil)
			early, _ := wrote(t, s, texter, "where is my parcel")
			replied := draft(t, s, early)
			id, number := wrote(t, s, texter, word)
			c, err := s.Consent(t.Context(), interaction.SMS, texter)
			require.NoError(t, err)
			require.True(t, c.Out)

			answered, err := s.AnswerKeyword(t.Context(), id, "keyword", number)
			require.NoError(t, err)
			require.Equal(t, interaction.KeywordStop, answered.Word)
			won, err := s.BeginSend(t.Context(), id, answered.Message, interaction.NewID())
			require.NoError(t, err)
			require.True(t, won, "what he asked for is confirmed")

			require.NoError(t, s.ReleaseReply(t.Context(), early, "send", replied))
			state, err := s.SendState(t.Context(), early, replied)
			require.NoError(t, err)
			require.Equal(t, interaction.SendNotSent, state)
			_, err = s.StartOutbound(t.Context(), interaction.System, interaction.NewOutbound{EntryPoint: "texts", To: interaction.Address{Address: texter}, Text: "an offer"})
			var refused *interaction.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "opted_out", refused.Code)

			wrote(t, s, texter, "START")
			_, err = s.StartOutbound(t.Context(), interaction.System, interaction.NewOutbound{EntryPoint: "texts", To: interaction.Address{Address: texter}, Text: "welcome back"})
			require.NoError(t, err)
		})
	}
}

// draft writes a reply that waits to be released.
func draft(t *testing.T, s *store.Store, id interaction.ID) int64 {
	t.Helper()
	_, err := s.Pool().Exec(t.Context(), `insert into messages (interaction_id, number, kind, recipients, body) values ($1, 2, 'reply', jsonb_build_array(jsonb_build_object('address', $2::text)), 'on its way')`, id, texter)
	require.NoError(t, err)
	_, err = s.Pool().Exec(t.Context(), `update interactions set messages = 2 where id = $1`, id)
	require.NoError(t, err)
	return 2
}

func TestAnOptOutReachesWhatIsQueued(t *testing.T) {
	s := shortHouse(t, nil)
	id, _ := wrote(t, s, texter, "where is my parcel")
	number := draft(t, s, id)
	require.NoError(t, s.ReleaseReply(t.Context(), id, "send", number))
	wrote(t, s, texter, "STOP")
	won, err := s.BeginSend(t.Context(), id, number, interaction.NewID())
	require.NoError(t, err)
	require.False(t, won)
	state, err := s.SendState(t.Context(), id, number)
	require.NoError(t, err)
	require.Equal(t, interaction.SendNotSent, state)
}

func TestQuietHoursHoldWhatWeBegin(t *testing.T) {
	now := time.Now().UTC()
	quiet := &interaction.Quiet{From: now.Add(-time.Hour).Format("15:04"), To: now.Add(time.Hour).Format("15:04")}
	s := shortHouse(t, &interaction.SMSSettings{Quiet: quiet})
	id, _ := wrote(t, s, texter, "where is my parcel")
	number := draft(t, s, id)
	require.NoError(t, s.ReleaseReply(t.Context(), id, "send", number))
	d, err := s.PrepareSend(t.Context(), id, number)
	require.NoError(t, err)
	require.Zero(t, d.NotBefore, "he has asked")
	begun, err := s.StartOutbound(t.Context(), interaction.System, interaction.NewOutbound{EntryPoint: "texts", To: interaction.Address{Address: texter}, Text: "an offer"})
	require.NoError(t, err)
	require.NoError(t, s.ReleaseReply(t.Context(), begun.ID, "send", 1))
	d, err = s.PrepareSend(t.Context(), begun.ID, 1)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(time.Hour), d.NotBefore, time.Minute)
}
