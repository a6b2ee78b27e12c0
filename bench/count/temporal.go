package count

import (
	"context"
	"fmt"
	"sync/atomic"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// History is how long workflows' histories are.
type History struct {
	Events, Bytes       float64 // mean over the workflows, all runs of each
	MostEvents, Longest int64   // of one workflow: events, bytes
}

// Histories describes workflows by their ids.
func Histories(ctx context.Context, c client.Client, ids []string) (History, error) {
	var h History
	for _, id := range ids {
		got, err := c.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return h, fmt.Errorf("describe workflow %s: %w", id, err)
		}
		info := got.GetWorkflowExecutionInfo()
		h.Events += float64(info.GetHistoryLength()) / float64(len(ids))
		h.Bytes += float64(info.GetHistorySizeBytes()) / float64(len(ids))
		h.MostEvents, h.Longest = max(h.MostEvents, info.GetHistoryLength()), max(h.Longest, info.GetHistorySizeBytes())
	}
	return h, nil
}

// LargestPayload is the size in bytes of the largest payload anywhere in a workflow's history, and which event holds it.
func LargestPayload(ctx context.Context, c client.Client, id string) (size int, event string, err error) {
	events := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return size, event, err
		}
		walk(e.ProtoReflect(), func(p *commonpb.Payload) {
			if n := proto.Size(p); n > size {
				size, event = n, fmt.Sprintf("%d %s", e.GetEventId(), e.GetEventType())
			}
		})
	}
	return size, event, nil
}

// walk calls see with every payload in a message.
func walk(m protoreflect.Message, see func(*commonpb.Payload)) {
	if p, ok := m.Interface().(*commonpb.Payload); ok {
		see(p)
		return
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				walk(v.Message(), see)
				return true
			})
		case field.IsMap() || field.Message() == nil:
		case field.IsList():
			for n := range value.List().Len() {
				walk(value.List().Get(n).Message(), see)
			}
		default:
			walk(value.Message(), see)
		}
		return true
	})
}

// Calls counts the calls of a gRPC client.
type Calls struct{ n atomic.Int64 }

// Total is how many calls there were.
func (c *Calls) Total() int64 { return c.n.Load() }

// Intercept counts a call and makes it.
func (c *Calls) Intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	c.n.Add(1)
	return invoke(ctx, method, req, reply, conn, opts...)
}
