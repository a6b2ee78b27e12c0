package twins

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// People come to a twin when it is parked, as they come to a mail. If their signal came while the workflow task is still on its way to
// the server, the server would answer that task with the next one and spare itself a round trip: the twin would be too cheap.
// Temporal could tell when a workflow is parked, and when it has ended, but asking would cost, and nobody waits for the end of a mail's
// workflow either; so the worker's own calls are watched.

// guests are the workflows whose people are on their way, by workflow id.
var guests sync.Map

type guest struct {
	parked atomic.Bool
	once   sync.Once
	come   chan struct{} // closed when the workflow is parked
	ended  chan error    // gets how it ended
}

func expect(id string) *guest {
	g := &guest{come: make(chan struct{}), ended: make(chan error, 1)}
	guests.Store(id, g)
	return g
}

func forget(id string) { guests.Delete(id) }

// parked is called by the workflow when it begins to wait. It changes nothing that the history knows of.
func parked(id string) {
	if g, ok := guests.Load(id); ok {
		g.(*guest).parked.Store(true)
	}
}

// sendPeople lets people come when the server has the workflow task in which their workflow began to wait, and go when it has the one
// that ended it.
func sendPeople(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	done, ok := req.(*workflowservice.RespondWorkflowTaskCompletedRequest)
	if !ok || err != nil {
		return err
	}
	found, ok := guests.Load(workflowOf(done.GetTaskToken()))
	if !ok {
		return nil
	}
	g := found.(*guest)
	if g.parked.Load() {
		g.once.Do(func() { close(g.come) })
	}
	for _, c := range done.GetCommands() {
		switch c.GetCommandType() {
		case enums.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
			g.ended <- nil
		case enums.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
			g.ended <- errors.New(c.GetFailWorkflowExecutionCommandAttributes().GetFailure().GetMessage())
		}
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
