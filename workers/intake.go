package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"parley/interaction"
)

// IntakeStore is what the intake needs.
type IntakeStore interface {
	Take(ctx context.Context, limit int) ([]interaction.Taken, error)
	Raw(ctx context.Context, inbound interaction.ID) ([]byte, error)
	Settle(ctx context.Context, in interaction.Taken, p interaction.Parsed) error
	Try(ctx context.Context, id interaction.ID) error
	PutBack(ctx context.Context, id interaction.ID, tries int, free bool) error
	KeepPart(ctx context.Context, in interaction.Taken, p interaction.Part) (interaction.KeptPart, error)
}

// maxAttempts is how often a process may die over one inbound row before it is left unparsed to a person.
const maxAttempts = 3

// Intake makes interactions and messages of what was accepted: it parses outside
// of any transaction and settles each row in one. A row that cannot be parsed becomes an
// interaction for a person; it never holds up the next.
type Intake struct {
	Store    IntakeStore
	Parsers  map[interaction.Channel]interaction.Parser
	Bell     Bell
	Log      *slog.Logger
	Parallel int // rows at once; 0: 4

	// Checks, by channel, say who a message is from; their answers are for people and rules, and never refuse it.
	Checks map[interaction.Channel]func(ctx context.Context, raw []byte, facts interaction.Facts) map[string]string
}

// Run works until the context ends.
func (w *Intake) Run(ctx context.Context) error {
	return loop(ctx, w.Log, "intake", w.Bell, every, w.round)
}

func (w *Intake) round(ctx context.Context) (bool, error) {
	parallel := w.Parallel
	if parallel == 0 {
		parallel = 4
	}
	taken, err := w.Store.Take(ctx, 4*parallel)
	if err != nil || len(taken) == 0 {
		return false, err
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	errs := make([]error, len(taken))
	for _, line := range lines(taken) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for _, i := range line {
				in := taken[i]
				var counted int
				if counted, errs[i] = w.settle(ctx, in); errs[i] != nil {
					w.Log.Error("inbound row not settled", "inbound", in.ID, "attempt", in.Attempts, "error", errs[i])
					w.putBack(ctx, in, counted, errs[i])
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return false, err // wait a little: the rows are still new
		}
	}
	return true, nil
}

// lines parts rows into those that may be settled side by side: short messages of one sender are a conversation, and go one after the other, as does all that
// a network tells of one account: who takes a message back is not named.
func lines(taken []interaction.Taken) [][]int {
	var list [][]int
	of := map[string]int{}
	for i, in := range taken {
		if in.Channel == interaction.Social || in.Channel == interaction.SMS && in.Facts.Sender != "" {
			key := in.EntryPoint + " " + in.Facts.Sender
			if in.Channel == interaction.Social {
				key = in.EntryPoint
			}
			if n, ok := of[key]; ok {
				list[n] = append(list[n], i)
				continue
			}
			of[key] = len(list)
		}
		list = append(list, []int{i})
	}
	return list
}

// putBack does not count a try that failed because PostgreSQL was away: that is no fault of the row. It is said again until PostgreSQL has heard it.
func (w *Intake) putBack(ctx context.Context, in interaction.Taken, counted int, cause error) {
	var e *interaction.Error
	if !errors.As(cause, &e) || e.Code != "database_away" {
		return
	}
	for {
		keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := w.Store.PutBack(keep, in.ID, counted, true)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			w.Log.Warn("a try stays counted", "inbound", in.ID, "error", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(putBackPause):
		}
	}
}

// putBackPause is how long PostgreSQL is left alone between two tries to say that a row was not at fault.
const putBackPause = 200 * time.Millisecond

// settle makes of a row what it is. On failure it says how many tries are counted against the row that did not die of it.
func (w *Intake) settle(ctx context.Context, in interaction.Taken) (counted int, err error) {
	if in.Tried {
		return w.settleTried(ctx, in)
	}
	raw, err := w.Store.Raw(ctx, in.ID)
	if err != nil {
		return 1, err
	}
	return 1, w.finish(ctx, in, raw, w.parse(in, raw))
}

// settleTried settles a row that somebody died over, alone or together with others. Only who dies while it is parsed dies of it: what goes before and comes after is not
// its fault and does not count.
func (w *Intake) settleTried(ctx context.Context, in interaction.Taken) (counted int, err error) {
	if in.Attempts >= maxAttempts {
		return 0, w.Store.Settle(ctx, in, keptRaw(in, "it could not be processed three times"))
	}
	raw, err := w.Store.Raw(ctx, in.ID)
	if err != nil {
		return 0, err
	}
	if err := w.Store.Try(ctx, in.ID); err != nil {
		return 1, err // it may be counted
	}
	parsed := w.parse(in, raw)
	if err := w.Store.PutBack(ctx, in.ID, 1, false); err != nil {
		return 1, err
	}
	return 0, w.finish(ctx, in, raw, parsed)
}

// finish settles what was parsed: a part of a long message waits for the others, anything else is a message.
func (w *Intake) finish(ctx context.Context, in interaction.Taken, raw []byte, p interaction.Parsed) error {
	if p.Part != nil {
		return w.part(ctx, in, p)
	}
	p.Message.Auth = w.check(ctx, in, raw)
	return w.Store.Settle(ctx, in, p)
}

// check asks who a message is from. A check that panics has no answer.
func (w *Intake) check(ctx context.Context, in interaction.Taken, raw []byte) (results map[string]string) {
	ask := w.Checks[in.Channel]
	if ask == nil {
		return nil
	}
	defer func() {
		if cause := recover(); cause != nil {
			w.Log.Error("check panicked", "inbound", in.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			results = nil
		}
	}()
	return ask(ctx, raw, in.Facts)
}

// part keeps a part of a long message, and settles the message when this part makes it whole, or when nobody waits for the others any longer.
func (w *Intake) part(ctx context.Context, in interaction.Taken, p interaction.Parsed) error {
	joiner, ok := w.Parsers[in.Channel].(interaction.Joiner)
	if !ok {
		return w.Store.Settle(ctx, in, p)
	}
	kept, err := w.Store.KeepPart(ctx, in, *p.Part)
	if err != nil || kept.Wait {
		return err
	}
	raws := make([][]byte, len(kept.Parts))
	var others []interaction.ID
	for n, id := range kept.Parts {
		if id == "" {
			continue
		}
		if raws[n], err = w.Store.Raw(ctx, id); err != nil {
			return err
		}
		if id != in.ID {
			others = append(others, id)
		}
	}
	whole := w.contain(in, func() interaction.Parsed { return joiner.Join(raws, in.Facts) })
	if whole.Joined = others; kept.Differ {
		whole.Message.Problems = append(whole.Message.Problems, interaction.ProblemOtherPart)
	}
	return w.Store.Settle(ctx, in, whole)
}

func (w *Intake) parse(in interaction.Taken, raw []byte) interaction.Parsed {
	parser, ok := w.Parsers[in.Channel]
	if !ok {
		return keptRaw(in, "there is no parser for its channel")
	}
	return w.contain(in, func() interaction.Parsed { return parser.Parse(raw, in.Facts) })
}

// contain holds a parser's panic: what made it panic is kept raw.
func (w *Intake) contain(in interaction.Taken, parse func() interaction.Parsed) (p interaction.Parsed) {
	defer func() {
		if cause := recover(); cause != nil {
			w.Log.Error("parser panicked", "inbound", in.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			p = keptRaw(in, "it could not be parsed")
		}
	}()
	return parse()
}

// keptRaw is the message of a thing that nothing is known of but its envelope.
func keptRaw(in interaction.Taken, why string) interaction.Parsed {
	p := interaction.Parsed{Message: interaction.Message{
		Kind: interaction.MessageIn, Text: "This message was kept as it came: " + why + ". Look at the raw bytes.",
		From: interaction.Address{Address: in.Facts.Sender}, To: []interaction.Address{{Address: in.Address}},
		Problems: []string{interaction.ProblemKeptRaw},
	}}
	return p
}
