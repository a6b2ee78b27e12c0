package count

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
)

func TestIdleIsSubtracted(t *testing.T) {
	begin := time.Now()
	idle := Work{Commits: map[string]float64{"a": 130}, Flushes: 15, WALBytes: 1000, At: begin.Add(10 * time.Second)}.
		Since(Work{Commits: map[string]float64{"a": 100}, Flushes: 10, At: begin})
	run := Work{Commits: map[string]float64{"a": 260, "b": 40}, Flushes: 30, WALBytes: 5000, At: begin.Add(20 * time.Second)}.
		Since(Work{Commits: map[string]float64{"a": 200}, Flushes: 10, At: begin})
	each := run.Per(10, idle)
	require.InDelta(t, 4.0, each.Commits, 1e-9, "100 commits in 20 s, 60 of them idle, for 10 units")
	require.InDelta(t, 0.0, each.ByDatabase["a"], 1e-9)
	require.InDelta(t, 4.0, each.ByDatabase["b"], 1e-9)
	require.InDelta(t, 1.0, each.Flushes, 1e-9)
	require.InDelta(t, 300.0, each.WALBytes, 1e-9)
}

// Children count while they live and when they have ended.
func TestCPUOfTree(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("SKIPPED: processes are counted in /proc; run it on Linux")
	}
	const work = `n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done`
	before, err := CPUOfTree(os.Getpid(), 0)
	require.NoError(t, err)
	require.NoError(t, exec.Command("sh", "-c", work).Run())
	ended, err := CPUOfTree(os.Getpid(), 0)
	require.NoError(t, err)
	require.Greater(t, ended, before)

	alive := exec.Command("sh", "-c", work+`; echo done; read line`)
	in, err := alive.StdinPipe()
	require.NoError(t, err)
	out, err := alive.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, alive.Start())
	_, err = out.Read(make([]byte, 5))
	require.NoError(t, err)
	with, err := CPUOfTree(os.Getpid(), 0)
	require.NoError(t, err)
	without, err := CPUOfTree(os.Getpid(), alive.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, with, without)
	own, err := Memory(alive.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, own)
	require.NoError(t, in.Close())
	_ = alive.Wait() // read found no line
}

func TestEveryPayloadIsSeen(t *testing.T) {
	payload := func(n int) *commonpb.Payload { return &commonpb.Payload{Data: bytes.Repeat([]byte("x"), n)} }
	event := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			Input:  &commonpb.Payloads{Payloads: []*commonpb.Payload{payload(1), payload(2)}},
			Memo:   &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": payload(3)}},
			Header: &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": payload(4)}},
		},
	}}
	var seen []string
	walk(event.ProtoReflect(), func(p *commonpb.Payload) { seen = append(seen, strconv.Itoa(len(p.GetData()))) })
	require.ElementsMatch(t, strings.Fields("1 2 3 4"), seen)
}
