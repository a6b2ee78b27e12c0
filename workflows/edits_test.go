package workflows_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/workers"
)

// edits is how many changes of the workflows' code are tried (§L2).
const edits = 30

// TestEditsThatDoNotReplayAreCaught changes the code of workflows as a careless designer would: before one of its steps there is a new timer, or a new activity, or the step calls something
// else. No recorded history may replay on such a build: TestRecordedHistoriesReplay would have been red.
func TestEditsThatDoNotReplayAreCaught(t *testing.T) {
	files, err := filepath.Glob("testdata/replay/*.json")
	require.NoError(t, err)
	seed := [32]byte{}
	binary.LittleEndian.PutUint64(seed[:], 2026)
	dice := rand.New(rand.NewChaCha8(seed))
	for n := range edits {
		file := files[dice.IntN(len(files))]
		steps := replayed(t, file, edit{at: -1})
		e := edit{kind: n % len(editKinds), at: dice.IntN(steps)}
		t.Run(fmt.Sprintf("%s/%s at step %d", filepath.Base(file), editKinds[e.kind], e.at), func(t *testing.T) {
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{&editor{edit: e}}})
			require.NoError(t, err)
			workers.RegisterWorkflows(replayer)
			err = replayer.ReplayWorkflowHistoryFromJSONFile(nil, file)
			require.ErrorContains(t, err, "TMPRL1100", "the edit was not noticed")
		})
	}
}

// replayed replays the history on code that is as it was and gives its number of steps.
func replayed(t *testing.T, file string, e edit) int {
	t.Helper()
	counter := &editor{edit: e}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{counter}})
	require.NoError(t, err)
	workers.RegisterWorkflows(replayer)
	require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
	require.Positive(t, counter.steps, "a history without steps")
	return counter.steps
}

// edit is one change of the code: before or instead of the step with this number, from 0.
type edit struct{ kind, at int }

var editKinds = []string{"a new timer", "a new activity", "another activity"}

// editor makes the edit in every workflow that it meets.
type editor struct {
	interceptor.WorkerInterceptorBase
	edit
	steps int
}

func (e *editor) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &editedInbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, editor: e}
}

type editedInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	editor *editor
}

func (i *editedInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&edited{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: out}, editor: i.editor})
}

type edited struct {
	interceptor.WorkflowOutboundInterceptorBase
	editor *editor
}

// step counts a step and makes the edit if it is this one's turn; it gives the name that the step is to call instead of its own.
func (w *edited) step(ctx workflow.Context, name string) string {
	turn := w.editor.steps == w.editor.at
	w.editor.steps++
	if !turn {
		return name
	}
	switch w.editor.kind {
	case 0:
		_ = w.Next.NewTimer(ctx, time.Hour)
	case 1:
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		_ = w.Next.ExecuteActivity(ctx, "Unheard")
	default:
		return "Unheard"
	}
	return name
}

func (w *edited) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return w.Next.ExecuteLocalActivity(ctx, w.step(ctx, name), args...)
}

func (w *edited) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return w.Next.ExecuteActivity(ctx, w.step(ctx, name), args...)
}
