package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"parley/bench/house"
	"parley/interaction"
	"parley/store"
)

// Size of the row.
const (
	stuckSockets = 100
	stuckRate    = 450 // messages a second, of 4 kB each
	stuckLeg     = 24 * time.Second
	mostSlowed   = 1.1 // times the p99 without stuck sockets
)

// slowRows measure whether those who read are disturbed by those who do not (E5): legs with and without sockets that are never read, A B B A, in the same sessions. The
// stuck ones must be cut off while the leg goes on: with 1013, as far as that still gets through.
func slowRows(ctx context.Context, s *session, t *table) error {
	return withChats(ctx, s, "slowchats", func(kept *store.Store, apart *house.Apart) error {
		talk, err := openTalk(ctx, kept, apart.HTTP, stuckSockets, agentsSpeak)
		if err != nil {
			return err
		}
		defer talk.close()
		more := " " + strings.Repeat("x", 3900)
		leg := func(stuck bool) (p99 float64, cut int, err error) {
			var sockets []*websocket.Conn
			if stuck {
				if sockets, err = dialStuck(ctx, apart.HTTP, talk.tickets); err != nil {
					return 0, 0, err
				}
			}
			if _, err := talk.run(ctx, int(stuckLeg.Seconds())*stuckRate, stuckRate, more); err != nil {
				return 0, 0, err
			}
			_, took := talk.delivery()
			cut, err = howCut(ctx, sockets)
			return ms(took), cut, err
		}
		if _, _, err := leg(false); err != nil { // warms both sides up
			return err
		}
		var ratios []float64
		cuts := 0
		for range *rounds {
			var with, without float64
			for _, stuck := range []bool{false, true, true, false} {
				p99, cut, err := leg(stuck)
				if err != nil {
					return err
				}
				t.note("E5: p99 of delivery %.1f ms with %d stuck sockets, of which %d were cut off", p99, map[bool]int{true: stuckSockets}[stuck], cut)
				if cuts += cut; stuck {
					with += p99
				} else {
					without += p99
				}
			}
			ratios = append(ratios, with/without)
		}
		median, least, most := middle(ratios)
		t.atLeast("E5", fmt.Sprintf("stuck sockets that were cut off, of %d", 2**rounds*stuckSockets), float64(cuts), "", float64(2**rounds*stuckSockets))
		t.add("E5", fmt.Sprintf("p99 of the others with %d stuck sockets, times that without (least, most)", stuckSockets), fmt.Sprintf("%.3g (%.3g, %.3g)", median, least, most),
			fmt.Sprintf("≤ %g", mostSlowed), verdict(median <= mostSlower))
		return nil
	})
}

// dialStuck connects one more socket of each customer, with as little room in the kernel as it gives, and does not read from it.
func dialStuck(ctx context.Context, address string, tickets []interaction.ChatTicket) ([]*websocket.Conn, error) {
	narrow := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) { set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return errors.Join(err, set)
	}}
	client := &http.Client{Transport: &http.Transport{DialContext: narrow.DialContext}}
	var list []*websocket.Conn
	for _, ticket := range tickets {
		ws, _, err := websocket.Dial(ctx, "ws://"+address+"/in/"+chatEntry+"/socket", &websocket.DialOptions{ //nolint:bodyclose // the library closes it
			HTTPClient: client, Subprotocols: []string{"parley.chat.v1"}, HTTPHeader: http.Header{"Origin": {"http://" + address}},
		})
		if err != nil {
			return nil, err
		}
		hello := fmt.Sprintf(`{"type":"hello","session":%q,"token":%q,"since":%d}`, ticket.Session, ticket.Token, int64(1)<<40)
		if err := ws.Write(ctx, websocket.MessageText, []byte(hello)); err != nil {
			return nil, err
		}
		list = append(list, ws)
	}
	return list, nil
}

// howCut reads what the sockets were sent, and gives how many were cut off for being slow.
func howCut(ctx context.Context, list []*websocket.Conn) (cut int, err error) {
	ctx, cancel := context.WithTimeout(ctx, chatReadLimit)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, ws := range list {
		wg.Go(func() {
			defer func() { _ = ws.CloseNow() }()
			ws.SetReadLimit(1 << 20)
			for {
				_, _, err := ws.Read(ctx)
				if err == nil {
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				if ctx.Err() == nil {
					cut++
				}
				return
			}
		})
	}
	wg.Wait()
	return cut, nil
}
