package social

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func parse(t *testing.T, p Post) interaction.Parsed {
	t.Helper()
	in, err := p.Inbound(interaction.Target{EntryPoint: "bot"}, "peer")
	require.NoError(t, err)
	raw, err := io.ReadAll(in.Raw)
	require.NoError(t, err)
	require.EqualValues(t, in.Size, len(raw))
	return Parser{}.Parse(raw, in.Facts)
}

func example() Post {
	return Post{Network: "net", Account: "1", Kind: Message, ID: "5", Author: Person{ID: "9", Name: "Anna", Address: "@anna"}, Text: "Hello\nthere", Conversation: "c", Visibility: interaction.VisiblePrivate}
}

func TestNames(t *testing.T) {
	p := parse(t, example())
	require.Equal(t, "Hello", p.Message.Subject)
	require.Equal(t, "5", IDOf("net", "1", p.Message.MessageID))
	require.Empty(t, IDOf("net", "2", p.Message.MessageID), "another account's")
	require.Empty(t, IDOf("net", "1", "01990000.2@parley.test"))
	open := example()
	open.Visibility = interaction.VisiblePublic
	require.NotEqual(t, p.Conversations, parse(t, open).Conversations, "open and private are two")
	edit := example()
	edit.Kind, edit.Version = Edit, "2"
	e := parse(t, edit)
	require.Equal(t, "5", IDOf("net", "1", e.Message.MessageID))
	require.Equal(t, p.Message.MessageID, e.Follows[0])
	taken := example()
	taken.Kind = Withdrawal
	require.Contains(t, parse(t, taken).Amendment.Of, p.Message.MessageID)
	require.Contains(t, parse(t, taken).Amendment.Of, parse(t, open).Message.MessageID, "a network does not say which it was")
}

func TestIdentity(t *testing.T) {
	same := example()
	same.Raw, same.To = "told in another way", "@support"
	require.Equal(t, example().identity(), same.identity())
	for name, change := range map[string]func(*Post){
		"id": func(p *Post) { p.ID = "6" }, "words": func(p *Post) { p.Text = "other" }, "kind": func(p *Post) { p.Kind = Edit }, "version": func(p *Post) { p.Version = "1" },
		"account": func(p *Post) { p.Account = "2" }, "file": func(p *Post) { p.Media = []Media{{ID: "f"}} },
	} {
		other := example()
		change(&other)
		require.NotEqual(t, example().identity(), other.identity(), name)
	}
}

// A stranger says all sorts of things of himself, or nothing (H-16): he is known by his id alone.
func TestAuthors(t *testing.T) {
	p := example()
	p.Author = Person{ID: "9", Name: "Sue Supervisor"}
	require.Equal(t, []interaction.Attribute{{Kind: "net", Value: "9"}}, parse(t, p).Identities)
	require.Equal(t, "9", parse(t, p).Message.From.Address)
	p.Author = Person{Name: "Nobody"}
	require.Empty(t, parse(t, p).Identities)
	require.Contains(t, parse(t, p).Message.Problems, interaction.ProblemNoReply)
	p.Author = Person{ID: "4917", Phone: "+4917"}
	require.Len(t, parse(t, p).Identities, 2, "known by number on all channels")
	p.Text = strings.Repeat("😀", 5000)
	require.Len(t, []rune(parse(t, p).Message.Text), 5000)
	p.Text = "nul \x00 byte"
	require.NotContains(t, parse(t, p).Message.Text, "\x00")
}

func TestFiles(t *testing.T) {
	p := example()
	for range MaxMedia + 2 {
		p.Media = append(p.Media, Media{ID: "x", Name: `C:\temp\..\page.jpg`})
	}
	p.Media[1].ID, p.Media[2].ID = "bad", "large"
	p.Fetch(t.Context(), func(_ context.Context, m Media) ([]byte, error) {
		switch m.ID {
		case "bad":
			return nil, errors.New("it is gone")
		case "large":
			return make([]byte, MaxMediaBytes), nil
		}
		return []byte("<html>"), nil
	})
	got := parse(t, p).Message
	require.Len(t, got.Attachments, MaxMedia-2)
	require.Equal(t, "page.jpg", got.Attachments[0].Name)
	require.Contains(t, got.Attachments[0].Type, "text/html", "what it is, not what it is called")
	require.Contains(t, got.Problems, ProblemMedia)
	in, err := p.Inbound(interaction.Target{}, "")
	require.NoError(t, err)
	raw, err := io.ReadAll(in.Raw)
	require.NoError(t, err)
	data, err := Part(raw, got.Attachments[1].Part)
	require.NoError(t, err)
	require.Equal(t, "<html>", string(data))
	for _, n := range []int{-1, 1, 2, 99} {
		_, err := Part(raw, n)
		require.Error(t, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"network":"net","kind":"edit","id":"5","version":"1","media":[{"data":"AAAA","name":".."}]}`))
	f.Add([]byte(`{"kind":"withdrawal"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := Parser{}.Parse(raw, interaction.Facts{Sender: "s"})
		for _, file := range p.Message.Attachments {
			data, err := Part(raw, file.Part)
			if err != nil || int64(len(data)) != file.Size || file.Name == "" || strings.ContainsAny(file.Name, `/\`) {
				t.Fatalf("%+v: %d bytes, %v", file, len(data), err)
			}
		}
		if strings.Contains(p.Message.Text+p.Message.Subject+p.Message.MessageID+p.Name, "\x00") {
			t.Fatal("a text that cannot be kept")
		}
	})
}
