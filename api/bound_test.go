package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// A database that neither answers nor refuses must not hold a client: he is told to come again.
func TestASilentStoreIsGivenUp(t *testing.T) {
	silent := &fake{claim: func(ctx context.Context, _ interaction.Actor, _ interaction.ID) (interaction.Task, error) {
		<-ctx.Done()
		return interaction.Task{}, interaction.Unavailable("database_away", ctx.Err())
	}}
	c := newCaller(t, silent, func(d *Deps) { d.AnswerTime = 10 * time.Millisecond })
	a := c.do("POST", "/v1/tasks/"+string(interaction.NewID())+"/claim", "")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
}
