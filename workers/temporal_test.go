package workers

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"parley/activities/autoresponse"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/understanding"
	"parley/interaction"
)

// Registration panics on a workflow or activity that the SDK cannot take, and on two of one name.
func TestEverythingRegisters(t *testing.T) {
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	defer c.Close()
	require.NotPanics(t, func() {
		Register(worker.New(c, interaction.QueueInteractions, worker.Options{}), Activities{
			&understanding.Activities{}, &autoresponse.Activities{}, &routing.Activities{}, &review.Activities{}, &delivery.Activities{}, &postprocessing.Activities{},
		})
	})
}
