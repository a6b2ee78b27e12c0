package workers

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// line is a queue of chats.
type line []interaction.ChatPosition

func (l *line) ChatPlaces(context.Context) ([]interaction.ChatPosition, error) {
	if *l == nil {
		return nil, errors.New("the database is away")
	}
	return *l, nil
}

func TestUsherTellsWhatChanged(t *testing.T) {
	var heard []interaction.ChatNotice
	queue := &line{}
	u := &Usher{Store: queue, Log: slog.New(slog.DiscardHandler), Tell: func(n interaction.ChatNotice) { heard = append(heard, n) }}
	at := time.Now()
	look := func(after time.Duration, places ...interaction.ChatPosition) []interaction.ChatNotice {
		heard, *queue, at = nil, append(line{}, places...), at.Add(after)
		require.NoError(t, u.round(t.Context(), at))
		return heard
	}
	place := func(session interaction.ID, place, wait int) interaction.ChatPosition {
		return interaction.ChatPosition{Session: session, Place: place, WaitSeconds: wait}
	}
	notice := func(session interaction.ID, place, wait int) interaction.ChatNotice {
		return interaction.ChatNotice{Session: session, From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.NoticePosition, Place: place, Wait: wait}
	}
	require.Equal(t, []interaction.ChatNotice{notice("a", 1, 30), notice("b", 2, 60)}, look(0, place("a", 1, 12), place("b", 2, 31)))
	require.Empty(t, look(glance, place("a", 1, 20), place("b", 2, 40)), "what is the same to a customer is not told each time")
	require.Equal(t, []interaction.ChatNotice{notice("b", 1, 30)}, look(glance, place("b", 1, 20)))
	require.Equal(t, []interaction.ChatNotice{notice("b", 1, 30)}, look(repeat, place("b", 1, 20)), "told again for who came back")
	require.Equal(t, []interaction.ChatNotice{notice("b", 1, 0)}, look(glance, place("b", 1, 0)), "nobody was taken lately: nothing is said of the wait")

	*queue = nil
	require.Error(t, u.round(t.Context(), at))
	require.Equal(t, []interaction.ChatNotice{notice("a", 1, 30)}, look(glance, place("a", 1, 12)))
}
