package main

import (
	"context"
	"fmt"
	"os"

	"parley/bench/count"
)

// Targets of standing up and of what stands idle (P15, O1, O3).
const (
	mostFirstAnswer = 10  // seconds
	mostIdle        = 400 // MiB
	mostBinary      = 80  // MB
)

// startRows tell how long the first start took and what stands idle afterwards.
func startRows(ctx context.Context, s *session, t *table) error {
	t.atMost("O1", "from an empty directory to the first mail's answer", s.firstAnswer.Seconds(), "s", mostFirstAnswer)
	t.show("O1", "of that, until /readyz was 200", fmt.Sprintf("%.2f s", s.freshStart.Seconds()))
	if err := pause(ctx, count.SettleTime); err != nil {
		return err
	}
	if err := memoryRow(s, t); err != nil {
		return err
	}
	temporal, err := s.house.TemporalBinary()
	if err != nil {
		return err
	}
	ours, err := os.Stat(s.house.Binary)
	if err != nil {
		return err
	}
	theirs, err := os.Stat(temporal)
	if err != nil {
		return err
	}
	t.atMost("P15", "the binary", float64(ours.Size())/1e6, "MB", mostBinary)
	t.show("P15", "Temporal's, built from standalone/", fmt.Sprintf("%.1f MB", float64(theirs.Size())/1e6))
	return nil
}

func memoryRow(s *session, t *table) error {
	used, err := s.memory()
	if err != nil {
		return err
	}
	parley, temporal, postgres := used.parley, used.temporal, used.postgres
	mib := func(bytes int64) float64 { return float64(bytes) / (1 << 20) }
	t.atMost("O3", "idle memory of everything (also P15)", mib(parley+temporal+postgres), "MiB", mostIdle)
	t.show("O3", "of that, parley + Temporal + PostgreSQL", fmt.Sprintf("%.0f + %.0f + %.0f MiB", mib(parley), mib(temporal), mib(postgres)))
	return nil
}

// held is what the parts of a house hold, in bytes.
type held struct{ parley, temporal, postgres int64 }

func (s *session) memory() (m held, err error) {
	parley, temporal, postgres := s.house.PIDs()
	if m.parley, err = count.Memory(parley); err != nil {
		return m, err
	}
	if m.temporal, err = count.Memory(temporal); err != nil {
		return m, err
	}
	m.postgres, err = count.MemoryOfTree(postgres)
	return m, err
}
