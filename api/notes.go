package api

import (
	"context"
	"strings"
	"time"

	"parley/interaction"
)

// Note is a word among agents.
type Note struct {
	ID            interaction.ID `json:"id"`
	ContactID     interaction.ID `json:"contact_id"`
	InteractionID interaction.ID `json:"interaction_id,omitempty" doc:"absent: it is on the contact"`
	AuthorID      interaction.ID `json:"author_id"`
	At            time.Time      `json:"at"`
	Text          string         `json:"text"`
}

func noteView(n interaction.Note) Note {
	return Note{n.ID, n.Contact, n.Interaction, n.Author, n.At, n.Text}
}

// NoteInput notes something.
type NoteInput struct {
	ByID
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"20000"`
	}
}

// NoteOutput is a note that was kept.
type NoteOutput struct {
	Body Note
}

// NotesInput asks for notes.
type NotesInput struct {
	ByID
	Paged
}

func (s *server) noteContact(ctx context.Context, in *NoteInput) (*NoteOutput, error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	return s.note(ctx, interaction.Note{Contact: id, Text: in.Body.Text})
}

func (s *server) noteInteraction(ctx context.Context, in *NoteInput) (*NoteOutput, error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	return s.note(ctx, interaction.Note{Interaction: id, Text: in.Body.Text})
}

func (s *server) note(ctx context.Context, n interaction.Note) (*NoteOutput, error) {
	if strings.TrimSpace(n.Text) == "" {
		return nil, interaction.Invalid("required", "text", "is blank")
	}
	kept, err := s.AddNote(ctx, actorOf(ctx), n)
	if err != nil {
		return nil, err
	}
	return &NoteOutput{noteView(kept)}, nil
}

func (s *server) contactNotes(ctx context.Context, in *NotesInput) (*List[Note], error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	return s.notesPage(ctx, "notes of contact "+in.ID, interaction.Note{Contact: id}, in.Paged)
}

func (s *server) interactionNotes(ctx context.Context, in *NotesInput) (*List[Note], error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	return s.notesPage(ctx, "notes of interaction "+in.ID, interaction.Note{Interaction: id}, in.Paged)
}

func (s *server) notesPage(ctx context.Context, name string, of interaction.Note, p Paged) (*List[Note], error) {
	page, err := p.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Notes(ctx, actorOf(ctx), of, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, noteView), nil
}

// HistoryEntry is one thing of a contact's history: a message on any channel, or a note.
type HistoryEntry struct {
	At            time.Time      `json:"at"`
	Kind          string         `json:"kind" enum:"in,reply,auto,note"`
	InteractionID interaction.ID `json:"interaction_id,omitempty"`
	Channel       string         `json:"channel,omitempty"`
	Number        int64          `json:"number,omitempty" doc:"of the message"`
	AuthorID      interaction.ID `json:"author_id,omitempty"`
	Subject       string         `json:"subject,omitempty"`
	Text          string         `json:"text" doc:"its beginning"`
	NoteID        interaction.ID `json:"note_id,omitempty"`
}

func (s *server) contactHistory(ctx context.Context, in *NotesInput) (*List[HistoryEntry], error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	name := "history of " + in.ID
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.History(ctx, actorOf(ctx), id, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, func(h interaction.HistoryEntry) HistoryEntry {
		return HistoryEntry{h.At, string(h.Kind), h.Interaction, string(h.Channel), h.Number, h.Author, h.Subject, h.Text, h.ID}
	}), nil
}
