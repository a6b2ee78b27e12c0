package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Who says that he is somebody else neither joins that contact nor hears of it. Agents see whom he claims to be, and one who has made sure merges the two.
func TestWhoClaimsToBeAnotherIsNot(t *testing.T) {
	address := []interaction.Attribute{{Kind: "email", Value: "kim@customer.test"}}
	ways := map[string]func(t *testing.T, s *store.Store) interaction.ID{
		"when he opens the chat": func(t *testing.T, s *store.Store) interaction.ID {
			ticket, err := s.OpenChat(t.Context(), interaction.NewChat{EntryPoint: "web", Nickname: "Mallory", Claims: address})
			require.NoError(t, err)
			return ticket.Session
		},
		"when he is asked": func(t *testing.T, s *store.Store) interaction.ID {
			session := openChat(t, s).Session
			_, err := s.TurnChat(t.Context(), session, "ask", func(interaction.ChatView) interaction.ChatTurn {
				return interaction.ChatTurn{Ask: &interaction.ChatAsk{Key: "email", Kind: "email"}, Words: "Which address?"}
			})
			require.NoError(t, err)
			for range 2 { // the second is an answer to nothing
				require.NoError(t, say(t, s, session, customer, interaction.ChatText, "Kim@Customer.test", "").Err)
			}
			return session
		},
	}
	for name, claim := range ways {
		t.Run(name, func(t *testing.T) {
			s := storetest.New(t, store.Options{})
			mail := arrive(t, s, "kim@customer.test", "My contract")
			kim, err := s.Interaction(t.Context(), interaction.System, mail)
			require.NoError(t, err)
			require.Empty(t, kim.Claims)

			session := claim(t, s)
			chat, err := s.Interaction(t.Context(), interaction.System, session)
			require.NoError(t, err)
			require.NotEqual(t, kim.Contact, chat.Contact)
			require.NotEqual(t, kim.Thread, chat.Thread)
			require.Len(t, chat.Claims, 1)
			require.Equal(t, interaction.Claim{Kind: "email", Value: "kim@customer.test", Contact: kim.Contact, Name: chat.Claims[0].Name}, chat.Claims[0])
			own, err := s.Contact(t.Context(), interaction.System, chat.Contact)
			require.NoError(t, err)
			require.Empty(t, own.Attributes, "the address stays with whose it is")
			require.Equal(t, 1, scan[int](t, s, `select count(*) from events where interaction_id = $1 and code = 'chat.claimed'`, session))
			_, err = s.TurnChat(t.Context(), session, "view", func(v interaction.ChatView) interaction.ChatTurn {
				require.Equal(t, "kim@customer.test", v.Email, "where he wants to be written to, he may say")
				return interaction.ChatTurn{}
			})
			require.NoError(t, err)

			stranger := interaction.Actor{Agent: storetest.Person(t, s, "ann").Agent, Role: interaction.RoleAgent, Groups: []string{"nobody's"}}
			claims, err := store.ClaimsOf(t.Context(), s, stranger, chat.Interaction)
			require.NoError(t, err)
			require.Equal(t, []interaction.Claim{{Kind: "email", Value: "kim@customer.test"}}, claims, "of whom he may not know, he is not told")

			admin := interaction.Actor{Agent: stranger.Agent, Role: interaction.RoleAdmin}
			_, err = s.MergeContacts(t.Context(), admin, kim.Contact, chat.Contact)
			require.NoError(t, err)
			chat, err = s.Interaction(t.Context(), interaction.System, session)
			require.NoError(t, err)
			require.Equal(t, kim.Contact, chat.Contact)
			require.Empty(t, chat.Claims, "now he is he")
		})
	}
}

// An address that nobody has is taken for his own, and one that is proven finds its contact.
func TestClaimsOfWhatIsNobodysAndProofs(t *testing.T) {
	s := storetest.New(t, store.Options{})
	address := []interaction.Attribute{{Kind: "email", Value: "kim@customer.test"}}
	first, err := s.OpenChat(t.Context(), interaction.NewChat{EntryPoint: "web", Claims: address})
	require.NoError(t, err)
	proven, err := s.OpenChat(t.Context(), interaction.NewChat{EntryPoint: "web", Identities: address})
	require.NoError(t, err)
	a, err := s.Interaction(t.Context(), interaction.System, first.Session)
	require.NoError(t, err)
	b, err := s.Interaction(t.Context(), interaction.System, proven.Session)
	require.NoError(t, err)
	require.Empty(t, a.Claims)
	require.Equal(t, a.Contact, b.Contact)
	contact, err := s.Contact(t.Context(), interaction.System, a.Contact)
	require.NoError(t, err)
	require.Equal(t, address, contact.Attributes)
}
