package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// TestAServerThatDoesNotAnswer freezes PostgreSQL and then Temporal, which is worse than their end: connections stay and nothing answers.
func TestAServerThatDoesNotAnswer(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann := p.person("PARLEY_AGENT_TOKEN")
	order := func(n int) wire.Mail {
		subject := fmt.Sprintf("Where is order %d?", n)
		return wire.Mail{
			From: "Olaf <olaf@customers.example.test>", To: support, Subject: subject, Text: "Please tell me where my order is.",
			MessageID: fmt.Sprintf("order-%d@customers.example.test", n),
		}
	}

	t.Run("PostgreSQL", func(t *testing.T) {
		thaw := p.freeze(family(p.pids().Postgres.PID))
		defer thaw()
		begun := time.Now()
		err := wire.Post(t.Context(), p.smtp, "olaf@customers.example.test", support, order(1).Bytes())
		require.Equal(t, 451, wire.Code(err), "the sender has to try again later: %v", err)
		require.Less(t, time.Since(begun), 5*time.Second, "the sender waited for his answer")

		refused := wire.Refused(ann.Call(t.Context(), http.MethodGet, "/v1/interactions", "", nil, nil))
		require.NotNil(t, refused, "the API did not answer")
		require.Equal(t, http.StatusServiceUnavailable, refused.Status)
		require.Positive(t, refused.RetryAfter)
		notReady := wire.Refused(ann.Ready(t.Context()))
		require.NotNil(t, notReady)
		require.Equal(t, http.StatusServiceUnavailable, notReady.Status)

		thaw()
		p.ready()
		p.mail("olaf@customers.example.test", order(1))
		require.Equal(t, p.find(ann, order(1).Subject).ID, p.claimNext(ann, "handle").InteractionID)
	})

	t.Run("Temporal", func(t *testing.T) {
		thaw := p.freeze([]int{p.pids().Temporal.PID})
		defer thaw()
		p.mail("olaf@customers.example.test", order(2))
		i := p.find(ann, order(2).Subject)
		p.await(stepLimit, "Parley to say what is away", func(ctx context.Context) error {
			if r := wire.Refused(ann.Ready(ctx)); r == nil || r.Status != http.StatusServiceUnavailable {
				return errors.New("it says that all is well")
			}
			return nil
		})
		require.Equal(t, "received", p.interaction(ann, i.ID).State, "its workflow cannot have begun")

		thaw()
		p.ready()
		require.Equal(t, i.ID, p.claimNext(ann, "handle").InteractionID)
	})
}

// freeze stops processes until the answer is called, which may be done twice.
func (p *product) freeze(pids []int) (thaw func()) {
	p.t.Helper()
	for _, pid := range pids {
		require.NoError(p.t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	p.await(stepLimit, "the processes to stand still", func(context.Context) error {
		for _, pid := range pids {
			if state(pid) != "T" {
				return fmt.Errorf("process %d is %s", pid, state(pid))
			}
		}
		return nil
	})
	return func() {
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) { // one that has ended stands no more
				p.t.Error(err)
			}
		}
	}
}

// family is a process and its children.
func family(parent int) []int {
	pids := []int{parent}
	all, _ := os.ReadDir("/proc")
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && len(stat(pid)) > 1 && stat(pid)[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stat gives the fields of a process behind its name: state, parent, …; nil when there is no such process.
func stat(pid int) []string {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
}

func state(pid int) string { return append(stat(pid), "gone")[0] }
