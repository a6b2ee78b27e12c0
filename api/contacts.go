package api

import (
	"context"
	"fmt"
	"time"

	"parley/interaction"
)

// Contact is a customer.
type Contact struct {
	ID         interaction.ID `json:"id"`
	Name       string         `json:"name"`
	Attributes []Attribute    `json:"attributes" nullable:"false"`
	CreatedAt  time.Time      `json:"created_at"`
	Version    int64          `json:"version"`
}

// Attribute identifies a contact on a channel.
type Attribute struct {
	Kind      string     `json:"kind"`
	Value     string     `json:"value"`
	FailedAt  *time.Time `json:"failed_at,omitempty" doc:"what was sent there bounced for good; gone once its owner writes from it"`
	FailedWhy string     `json:"failed_why,omitempty" doc:"why it bounced, e.g. userunknown"`
}

// ContactDetail is a contact with his newest interactions on all channels.
type ContactDetail struct {
	Contact
	Interactions []Interaction `json:"interactions" nullable:"false"`
}

func contactView(c interaction.Contact) Contact {
	return Contact{c.ID, c.Name, each(c.Attributes, func(a interaction.Attribute) Attribute { return Attribute(a) }), c.CreatedAt, c.Version}
}

// ContactsInput narrows the list of contacts.
type ContactsInput struct {
	Paged
	Name  string `query:"name" maxLength:"200" doc:"begins so"`
	Kind  string `query:"kind" maxLength:"50" doc:"of an attribute, e.g. email; with value"`
	Value string `query:"value" maxLength:"320"`
}

func (s *server) listContacts(ctx context.Context, in *ContactsInput) (*List[Contact], error) {
	if (in.Kind == "") != (in.Value == "") {
		return nil, malformed("incomplete", "kind", "goes with value")
	}
	f := interaction.ContactFilter{Name: in.Name, Attribute: interaction.Attribute{Kind: in.Kind, Value: in.Value}}
	name := fmt.Sprintf("contacts %q", f)
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Contacts(ctx, actorOf(ctx), f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, contactView), nil
}

// ContactOutput is one contact.
type ContactOutput struct {
	ETag string `header:"ETag"`
	Body ContactDetail
}

func (s *server) getContact(ctx context.Context, in *ByID) (*ContactOutput, error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	v, err := s.Contact(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &ContactOutput{etag(v.Version), ContactDetail{contactView(v.Contact), each(v.Interactions, interactionView)}}, nil
}
