// Command checker is the judge of the kill tests. It is a process of its own that knows Parley from outside only: customers who send mail by
// SMTP and note every yes, people who work over REST, and the smart host at the far end, which notes every mail that comes out. All it notes goes
// to a ledger, a file that only grows. When the storm is over it waits until everything is worked off, and compares the ledger with what REST says: nothing
// may be lost, nothing may be there twice, nothing may be stuck.
//
// It works until its input ends, prints what it looked at and one line for each thing that is wrong, and ends with 0 only if there is none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/test/wire"
)

// settings are what the checker is told.
type settings struct {
	http, smtp string // where Parley is
	tokens     string // demo.env
	sink       string // where the smart host listens
	ledger     string // file; what is in it is kept
	sessions   int
	open       int           // customers pause while so many interactions are open
	drain      time.Duration // how long working off may take
}

// people are the variables of demo.env whose people work.
var people = []string{"PARLEY_AGENT_TOKEN", "PARLEY_AGENT2_TOKEN", "PARLEY_SENIOR_TOKEN", "PARLEY_SUPERVISOR_TOKEN", "PARLEY_ADMIN_TOKEN"}

// mostLines is how many of the things that are wrong are printed; their number is in the summary.
const mostLines = 50

// startLimit is how long Parley may take until it is ready for the first time.
const startLimit = 3 * time.Minute

func main() {
	var s settings
	flag.StringVar(&s.http, "http", "127.0.0.1:8080", "Parley's HTTP")
	flag.StringVar(&s.smtp, "smtp", "127.0.0.1:2525", "Parley's SMTP")
	flag.StringVar(&s.tokens, "tokens", ".parley/demo.env", "file with the tokens of the demo's people")
	flag.StringVar(&s.sink, "sink", "127.0.0.1:2626", "where the smart host listens")
	flag.StringVar(&s.ledger, "ledger", "checker.ledger", "file that everything is noted in")
	flag.IntVar(&s.sessions, "sessions", 16, "customers who send mail at the same time")
	flag.IntVar(&s.open, "open", 100, "customers pause while so many interactions are open")
	flag.DurationVar(&s.drain, "drain", 3*time.Minute, "how long working off may take after the storm")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wrong, err := run(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checker:", err)
		os.Exit(2)
	}
	for _, line := range wrong[:min(len(wrong), mostLines)] {
		fmt.Println("WRONG", line)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}

// run is the whole of it: storm, working off, verdict.
func run(ctx context.Context, s settings) (wrong []string, err error) {
	book, err := openLedger(s.ledger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, book.close()) }()
	sink, err := wire.NewSink(ctx, s.sink, func(d wire.Delivery) {
		book.note(entry{What: delivered, MessageID: d.MessageID, InReplyTo: d.InReplyTo, Automatic: d.Automatic, To: d.To})
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	staff, err := team(ctx, s)
	if err != nil {
		return nil, err
	}
	stuck := live(ctx, s, staff, book, sink)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	judging, cancel := context.WithTimeout(ctx, s.drain)
	defer cancel()
	wrong, err = judge(judging, s.ledger, staff, len(stuck) == 0)
	return append(stuck, wrong...), err
}

// errTooLate ends the working off.
var errTooLate = errors.New("the time for working off is over")

// live is the storm, until the input ends, and the working off. It gives what could not be worked off.
func live(ctx context.Context, s settings, staff []wire.Client, book *ledger, sink *wire.Sink) (stuck []string) {
	admin := staff[len(staff)-1]
	working, goHome := context.WithCancelCause(ctx)
	storm, calm := context.WithCancel(working)
	var crowd, office sync.WaitGroup
	gate := &gate{limit: s.open}
	office.Go(func() { gate.watch(working, admin) })
	for _, p := range staff {
		office.Go(func() { (&person{Client: p, book: book, sink: sink}).work(working) })
	}
	for n := range s.sessions {
		c := &customer{number: n, address: s.smtp, book: book, gate: gate, sink: sink}
		crowd.Go(func() { c.write(storm, working) })
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		calm()
	}()
	<-storm.Done()
	begun := time.Now()
	late := time.AfterFunc(s.drain, func() { goHome(errTooLate) })
	defer late.Stop()
	crowd.Wait()
	stuck = workedOff(working, admin, book)
	fmt.Printf("worked off %v after the storm\n", time.Since(begun).Round(time.Second))
	goHome(nil)
	office.Wait()
	return stuck
}

// team waits until Parley is ready and gives the clients of its people; the admin is the last.
func team(ctx context.Context, s settings) ([]wire.Client, error) {
	var list []wire.Client
	err := wire.Within(ctx, startLimit, func(ctx context.Context) error {
		if err := (wire.Client{Address: s.http}).Ready(ctx); err != nil {
			return err
		}
		content, err := os.ReadFile(s.tokens)
		if err != nil {
			return err
		}
		list = nil
		for _, variable := range people {
			_, after, ok := strings.Cut(string(content), variable+"=")
			if !ok {
				return fmt.Errorf("%s has no %s", s.tokens, variable)
			}
			token, _, _ := strings.Cut(after, "\n")
			list = append(list, wire.Client{Address: s.http, Token: token})
		}
		return nil
	})
	return list, err
}

// workedOff waits until every acknowledged mail is an interaction and none is open, and says what is left at the end of its time.
func workedOff(ctx context.Context, admin wire.Client, book *ledger) (stuck []string) {
	err := wire.Until(ctx, func(ctx context.Context) error {
		open, err := wire.List[wire.Interaction](ctx, admin, "/v1/interactions", openStates)
		if err != nil {
			return err
		}
		stuck = nil
		for _, i := range open {
			stuck = append(stuck, fmt.Sprintf("STUCK interaction %s %q is %s", i.ID, i.Subject, i.State))
		}
		if len(stuck) > 0 {
			return fmt.Errorf("%d interactions are open", len(stuck))
		}
		all, err := wire.List[wire.Interaction](ctx, admin, "/v1/interactions", nil)
		if least := book.acknowledged() - book.followUps(); err == nil && len(all) < least { // a follow-up may have joined one
			err = fmt.Errorf("%d interactions, and at least %d mails that begin one", len(all), least)
		}
		return err
	})
	if err != nil {
		stuck = append(stuck, "STUCK after the storm: "+err.Error())
	}
	return stuck
}

// gate holds the customers back while Parley has enough to do, so that the storm can be worked off.
type gate struct {
	limit int
	mu    sync.Mutex
	open  int
}

// watch counts what is open, until ctx ends; one page of it is enough.
func (g *gate) watch(ctx context.Context, admin wire.Client) {
	query := url.Values{"limit": {"200"}}
	maps.Copy(query, openStates)
	for ctx.Err() == nil {
		var page struct {
			Items []wire.Interaction `json:"items"`
		}
		if admin.Call(ctx, http.MethodGet, "/v1/interactions?"+query.Encode(), "", nil, &page) == nil {
			g.mu.Lock()
			g.open = len(page.Items)
			g.mu.Unlock()
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// pass waits until there is room.
func (g *gate) pass(ctx context.Context) {
	for ctx.Err() == nil {
		g.mu.Lock()
		room := g.open < g.limit
		g.mu.Unlock()
		if room {
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// pause is the pace of people and customers; no condition is waited for by it.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
