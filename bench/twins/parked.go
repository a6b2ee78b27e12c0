package twins

import (
	"context"
	"sync"
	"sync/atomic"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// People come to a twin when it is parked, as they come to a mail. If their signal came while the workflow task is still on its way to
// the server, the server would answer that task with the next one and spare itself a round trip: the twin would be too cheap.
// Temporal could tell when a workflow is parked, but asking would cost; so the worker's own calls are watched.

// guests are the workflows whose people are on their way, by workflow id.
var guests sync.Map

type guest struct {
	parked atomic.Bool
	come   chan struct{}
}

// expect gives a channel that is closed when the workflow is parked.
func expect(id string) <-chan struct{} {
	g := &guest{come: make(chan struct{})}
	guests.Store(id, g)
	return g.come
}

func forget(id string) { guests.Delete(id) }

// parked is called by the workflow when it begins to wait. It changes nothing that the history knows of.
func parked(id string) {
	if g, ok := guests.Load(id); ok {
		g.(*guest).parked.Store(true)
	}
}

// sendPeople lets people come when the server has the workflow task in which their workflow began to wait.
func sendPeople(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	done, ok := req.(*workflowservice.RespondWorkflowTaskCompletedRequest)
	if !ok || err != nil {
		return err
	}
	id := workflowOf(done.GetTaskToken())
	if g, ok := guests.Load(id); ok && g.(*guest).parked.Load() {
		forget(id)
		close(g.(*guest).come)
	}
	return nil
}

// workflowOf reads the workflow id of a task token: the second field of temporal.server.api.token.v1.Task. Another server's token may
// look different; then nobody comes and the run's context ends it.
func workflowOf(token []byte) string {
	for len(token) > 0 {
		number, kind, n := protowire.ConsumeTag(token)
		if n < 0 {
			return ""
		}
		token = token[n:]
		if number == 2 && kind == protowire.BytesType {
			id, _ := protowire.ConsumeString(token)
			return id
		}
		if n = protowire.ConsumeFieldValue(number, kind, token); n < 0 {
			return ""
		}
		token = token[n:]
	}
	return ""
}
