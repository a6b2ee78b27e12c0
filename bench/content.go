package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"parley/bench/count"
	"parley/bench/house"
	"parley/interaction"
)

// Target of A5: no content in Temporal.
const (
	mostPayload = 2 << 10
	largeMail   = 25 << 20
)

// contentRows sends a mail of 25 MiB that is full of a marker, has it answered, and looks for the marker in Temporal's databases.
func contentRows(ctx context.Context, s *session, t *table) error {
	marker := "Marker" + strings.ToUpper(s.seed) + "Zq"
	id, err := s.markedMail(ctx, marker)
	if err != nil {
		return err
	}
	size, event, err := count.LargestPayload(ctx, s.temporal, id)
	if err != nil {
		return err
	}
	t.atMost("A5", "largest payload in the history of a 25 MiB mail", float64(size), "bytes", mostPayload)
	t.note("largest payload: event %s", event)
	found, err := s.search(ctx, marker)
	if err != nil {
		return err
	}
	control, err := s.search(ctx, id)
	if err != nil {
		return err
	}
	if control == 0 {
		return errors.New("the search is blind: it does not even find the interaction's id in Temporal's databases")
	}
	t.atMost("A5", "rows of Temporal's databases with the mail's markers", float64(found), "", 0)
	t.note("the same search finds the interaction's id in %d rows", control)
	return nil
}

// markedMail has a mail with the marker in its every part answered and gives its interaction.
func (s *session) markedMail(ctx context.Context, marker string) (string, error) {
	d := s.day(house.Support, 1)
	d.Letter = &house.Mail{
		From: marker + " <" + marker + "@customers.example.test>", To: house.Support, Subject: "Where is my parcel " + marker,
		ID: marker + "@customers.example.test", Text: strings.Repeat("Where is my parcel "+marker+"?\r\n", 1000), FileName: marker + ".txt",
		// base64 makes four bytes of three, with a line end for each 76.
		File: bytes.Repeat([]byte(marker+"\n"), largeMail/78*76*3/4/(len(marker)+1)),
	}
	if size := len(d.Letter.Bytes()); size < largeMail {
		return "", fmt.Errorf("the mail has only %d bytes", size)
	}
	d.Text = "Dear " + marker + ", your parcel is on its way."
	p, err := s.house.Play(ctx, s.cluster.Conn(), d)
	if err != nil {
		return "", err
	}
	return p.Interactions[0], nil
}

// search counts rows with the text in what Temporal keeps of workflows: histories, mutable state, queues, visibility.
func (s *session) search(ctx context.Context, text string) (int, error) {
	sum := 0
	for _, place := range []struct{ database, table, bytes string }{
		{"temporal", "history_node", "data"},
		{"temporal", "executions", "data"},
		{"temporal", "executions", "state"},
		{"temporal_visibility", "executions_visibility", ""},
	} {
		address, err := s.house.DatabaseURL(place.database)
		if err != nil {
			return 0, err
		}
		c, err := count.Connect(ctx, address)
		if err != nil {
			return 0, err
		}
		n, err := c.Search(ctx, place.table, place.bytes, text)
		if err := errors.Join(err, c.Close(ctx)); err != nil {
			return 0, fmt.Errorf("search %s: %w", place.table, err)
		}
		sum += n
	}
	return sum, nil
}

// personOf finds a demo's person by login.
func (s *session) personOf(ctx context.Context, login string) (house.Person, error) {
	people, err := s.house.Hire(ctx, interaction.TokenAPI, login)
	if err != nil {
		return house.Person{}, err
	}
	return people[0], nil
}
