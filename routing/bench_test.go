package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// The house of the target: 10,000 agents with 3 of 200 skills each and rules of capacity, all of them at work, and 100,000 tasks of three
// classes, three priorities and all three choices waiting, most for a skill at a level, some for anybody.
type big struct {
	book   *Book
	rnd    *rand.Rand
	now    time.Time
	agents []interaction.Agent
	born   int
}

func newBig() *big {
	b := &big{book: NewBook(), rnd: rand.New(rand.NewPCG(7, 7)), now: time.Unix(1_700_000_000, 0)}
	for n := range 10_000 {
		a := interaction.Agent{
			ID: interaction.ID(fmt.Sprintf("agent-%05d", n)), Role: interaction.RoleAgent, Enabled: true, Ready: true, Groups: []string{fmt.Sprint("group ", n%10)},
			Since: b.now.Add(-time.Duration(b.rnd.IntN(3600)) * time.Second), Skills: map[string]int{},
			Limits: map[interaction.Channel]int{"email": 3, "chat": 2, "sms": 4, "total": 5}, Load: map[interaction.Channel]int{"email": 3, "chat": 2},
			Capacity: interaction.Capacity{
				Weights: map[string]int{"email": 1, "chat": 1},
				Rules:   []interaction.CapacityRule{{No: "chat", While: map[string]int{"email": 3, "chat": 2}}},
			},
		}
		for range 3 {
			a.Skills[fmt.Sprint("skill ", b.rnd.IntN(200))] = 1 + b.rnd.IntN(10)
		}
		b.agents = append(b.agents, a)
		b.book.SetAgent(a)
	}
	for range 100_000 {
		b.book.SetTask(b.task())
	}
	for _, found := b.book.Next(b.now); found; {
		_, found = b.book.Next(b.now)
	}
	return b
}

func (b *big) task() interaction.Queued {
	b.born++
	t := interaction.Queued{
		ID: interaction.ID(fmt.Sprintf("task-%07d", b.born)), Kind: interaction.TaskHandle, Class: []string{"email", "email", "chat", "sms"}[b.rnd.IntN(4)],
		Group: fmt.Sprint("group ", b.rnd.IntN(10)), Push: true, Policy: interaction.Policy{Choice: choices[b.rnd.IntN(len(choices))], Ageing: 3600, Service: 30}, DueAt: b.now.Add(time.Hour), Priority: b.rnd.IntN(3), OpenedAt: b.now,
		ChainSince: b.now.Add(-time.Duration(b.rnd.IntN(600)) * time.Second), // links open all the time
	}
	if b.rnd.IntN(5) > 0 {
		s := fmt.Sprint("skill ", b.rnd.IntN(200))
		t.Chain = []interaction.RouteTarget{
			{Kind: interaction.ToSkill, Name: s, Level: 7, Seconds: 30}, {Kind: interaction.ToSkill, Name: s, Level: 4, Seconds: 300}, {Kind: interaction.ToQueue},
		}
	}
	return t
}

// somebodyFinishes gives an agent room for one more, as a finished task does.
func (b *big) somebodyFinishes() {
	a := b.agents[b.rnd.IntN(len(b.agents))]
	a.Load = map[interaction.Channel]int{"email": 3, "chat": 2}
	a.Load[[]interaction.Channel{"email", "chat"}[b.rnd.IntN(2)]]--
	a.Since = b.now
	b.book.SetAgent(a)
}

// BenchmarkAFreeAgent measures deciding what an agent gets who has room again, 100,000 tasks waiting.
func BenchmarkAFreeAgent(bench *testing.B) {
	b := newBig()
	b.measure(bench, b.somebodyFinishes)
}

// BenchmarkANewTask measures deciding about a task that comes while the 10,000 are at work; most wait.
func BenchmarkANewTask(bench *testing.B) {
	b := newBig()
	b.measure(bench, func() { b.book.SetTask(b.task()) })
}

func (b *big) measure(bench *testing.B, change func()) {
	bench.ReportAllocs()
	times := make([]time.Duration, 0, bench.N)
	bench.ResetTimer()
	for range bench.N {
		bench.StopTimer()
		b.now = b.now.Add(time.Millisecond)
		change()
		b.book.Openings()
		bench.StartTimer()
		begun := time.Now()
		_, _ = b.book.Next(b.now)
		times = append(times, time.Since(begun))
	}
	bench.StopTimer()
	slices.Sort(times)
	bench.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns/decision")
}

// A decision allocates nothing and stays far from a search through the house. The p99 of the target is measured by the benchmarks: a busy machine would make it lie here.
func TestADecisionIsCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it fills a house of 100,000 tasks; run go test without -short")
	}
	b := newBig()
	tasks, agents := b.book.Size()
	require.Greater(t, tasks, 50_000)
	require.Equal(t, 10_000, agents)
	var times []time.Duration
	given := 0
	for range 2000 {
		b.now = b.now.Add(time.Millisecond)
		b.somebodyFinishes()
		b.book.SetTask(b.task())
		b.book.Openings()
		begun := time.Now()
		if _, found := b.book.Next(b.now); found {
			given++
		}
		times = append(times, time.Since(begun))
	}
	slices.Sort(times)
	require.Greater(t, given, 1000)
	t.Logf("p50 %v, p99 %v, %d of %d gave a task to somebody", times[len(times)/2], times[len(times)*99/100], given, len(times))
	require.Less(t, times[len(times)/2], 500*time.Microsecond, "half of the decisions take ten times the target: something is searched that should be found")

	var allocated float64
	for range 200 {
		b.somebodyFinishes()
		b.book.Advance(b.now)
		allocated += testing.AllocsPerRun(1, func() { b.book.Next(b.now) })
	}
	require.Less(t, allocated/200, 0.5, "a decision allocates only where a list happens to grow")
}
