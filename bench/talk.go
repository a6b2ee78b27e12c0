package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/interaction"
	"parley/lib/auth"
	"parley/store"
	"parley/test/wire"
)

// atDesk is how many sessions are listened to over one agent's socket.
const atDesk = 10

// mouth is the end of a session that messages are sent from. An agent's socket has many sessions and names them.
type mouth struct {
	socket  *wire.ChatSocket
	session string // empty: the socket has one
}

// talk is a number of sessions with a socket at each end. All are listened to from the beginning: who does not answer pings is thrown out.
type talk struct {
	from    []mouth
	tickets []interaction.ChatTicket
	sockets []*wire.ChatSocket
	end     context.CancelFunc

	mu    sync.Mutex
	sent  map[string]time.Time // and not yet come out
	took  []time.Duration
	wrong error
}

// Who is at the ends of a talk's sessions.
const (
	customersOnly   = iota // both ends are the customer's, who has two tabs open
	customersSpeak         // and agents hear
	agentsSpeak            // and customers hear
	customersListen        // one end only: nobody speaks
)

func openTalk(ctx context.Context, kept *store.Store, address string, sessions, who int) (*talk, error) {
	listening, end := context.WithCancel(ctx)
	k := &talk{sent: map[string]time.Time{}, end: end}
	var desk *wire.ChatSocket
	var token string
	for n := range sessions {
		ticket, err := kept.OpenChat(ctx, interaction.NewChat{EntryPoint: chatEntry})
		if err != nil {
			return nil, err
		}
		k.tickets = append(k.tickets, ticket)
		own, err := dialCustomer(ctx, address, ticket)
		if err != nil {
			return nil, err
		}
		k.sockets = append(k.sockets, own)
		go k.listen(listening, own, who == agentsSpeak)
		switch who {
		case customersListen:
			continue
		case customersOnly:
			other, err := dialCustomer(ctx, address, ticket)
			if err != nil {
				return nil, err
			}
			k.sockets, k.from = append(k.sockets, other), append(k.from, mouth{own, ""})
			go k.listen(listening, other, true)
			continue
		}
		if n%atDesk == 0 {
			if token == "" {
				if token, err = hireSupervisor(ctx, kept); err != nil {
					return nil, err
				}
			}
			if desk, err = wire.DialChat(ctx, address, "/v1/chats/socket", wire.ChatFrame{Token: token}); err != nil {
				return nil, err
			}
			k.sockets = append(k.sockets, desk)
		}
		if err := desk.Send(ctx, wire.ChatFrame{Type: "join", Session: string(ticket.Session), Mode: string(interaction.ChatFull)}); err != nil {
			return nil, err
		}
		if err := joined(ctx, desk, string(ticket.Session)); err != nil {
			return nil, err
		}
		if n%atDesk == atDesk-1 || n == sessions-1 {
			go k.listen(listening, desk, who == customersSpeak)
		}
		if who == customersSpeak {
			k.from = append(k.from, mouth{own, ""})
		} else {
			k.from = append(k.from, mouth{desk, string(ticket.Session)})
		}
	}
	return k, nil
}

// dialCustomer connects a customer and reads his welcome.
func dialCustomer(ctx context.Context, address string, ticket interaction.ChatTicket) (*wire.ChatSocket, error) {
	socket, err := wire.DialChat(ctx, address, "/in/"+chatEntry+"/socket", wire.ChatFrame{Session: string(ticket.Session), Token: ticket.Token})
	if err != nil {
		return nil, err
	}
	if f, err := socket.Next(ctx, chatReadLimit); err != nil || f.Type != "welcome" {
		return nil, fmt.Errorf("not welcomed: %+v %w", f, err)
	}
	return socket, nil
}

// hireSupervisor gives a token of somebody who may come into any session.
func hireSupervisor(ctx context.Context, kept *store.Store) (string, error) {
	id, err := kept.AgentByLogin(ctx, supervisorLogin)
	if err != nil {
		return "", err
	}
	token, hash := auth.NewToken()
	_, err = kept.CreateToken(ctx, interaction.System, interaction.NewToken{Agent: id, Kind: interaction.TokenAPI, Label: "bench", Hash: hash[:]})
	return token, err
}

// joined reads until the desk hears the session.
func joined(ctx context.Context, desk *wire.ChatSocket, session string) error {
	for {
		f, err := desk.Next(ctx, chatReadLimit)
		switch {
		case err != nil:
			return err
		case f.Type == "error":
			return fmt.Errorf("not joined: %s", f.Code)
		case f.Type == "welcome" && f.Session == session:
			return nil
		}
	}
}

// listen reads until the talk ends; what comes out at the far end is noted.
func (k *talk) listen(ctx context.Context, socket *wire.ChatSocket, far bool) {
	for {
		f, err := socket.Next(ctx, time.Hour)
		if ctx.Err() != nil {
			return
		}
		k.mu.Lock()
		if err != nil {
			k.wrong = errors.Join(k.wrong, err)
		} else if far && f.Type == "message" && f.Message.Kind == string(interaction.ChatText) {
			k.note(f.Message.Text)
		} else if f.Type == "error" {
			k.wrong = errors.Join(k.wrong, fmt.Errorf("refused: %s", f.Code))
		}
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// note is called, under the lock, with what came out.
func (k *talk) note(text string) {
	id, _, _ := strings.Cut(text, " ")
	at, known := k.sent[id]
	if !known {
		k.wrong = errors.Join(k.wrong, fmt.Errorf("%q came again", id))
		return
	}
	k.took = append(k.took, time.Since(at))
	delete(k.sent, id)
}

func (k *talk) close() {
	k.end()
	for _, s := range k.sockets {
		s.Cut()
	}
}

// run sends the messages at their rate, each from the next session's one end, and ends when all have come out at the other. Behind its name a message has
// so much more text.
func (k *talk) run(ctx context.Context, messages, rate int, more string) (time.Duration, error) {
	begun := time.Now()
	k.mu.Lock()
	k.took = nil
	k.mu.Unlock()
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for n := range messages {
		<-ticker.C
		id := fmt.Sprintf("m%d-%d", begun.UnixMilli(), n)
		k.mu.Lock()
		k.sent[id] = time.Now()
		k.mu.Unlock()
		at := k.from[n%len(k.from)]
		if err := at.socket.Send(ctx, wire.ChatFrame{Type: "text", Session: at.session, ClientID: id, Text: id + more}); err != nil {
			return 0, err
		}
	}
	err := wire.Within(ctx, chatReadLimit, func(context.Context) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.wrong == nil && len(k.sent) > 0 {
			return fmt.Errorf("%d messages did not come out", len(k.sent))
		}
		return nil
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(begun), errors.Join(err, k.wrong)
}

// delivery gives how long messages of the last run took to the other end.
func (k *talk) delivery() (p50, p99 time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.Sort(k.took)
	return k.took[len(k.took)/2], k.took[len(k.took)*99/100]
}

// comeAndGo has customers open a conversation, connect, and end it, -chat-opens of them a second, until the function that it gives is called.
func comeAndGo(ctx context.Context, kept *store.Store, address string) (stop func() error) {
	if *opens == 0 {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error {
		ticker := time.NewTicker(time.Second / time.Duration(*opens))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			group.Go(func() error {
				whole := context.WithoutCancel(ctx)
				talk, err := openTalk(whole, kept, address, 1, customersOnly)
				if err != nil {
					return err
				}
				defer talk.close()
				return talk.from[0].socket.Send(whole, wire.ChatFrame{Type: "end"})
			})
		}
	})
	return func() error {
		cancel()
		return group.Wait()
	}
}
