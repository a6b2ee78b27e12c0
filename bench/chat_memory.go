package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/coder/websocket"

	"parley/bench/count"
	"parley/bench/house"
	"parley/store"
	"parley/test/wire"
)

// Size of the row. What a process takes for its first connections (pools, tables, the code's own first run) is not theirs, so that they are not counted.
const (
	idleConns   = 2000
	firstConns  = 200
	memoryPairs = 5
	// tight has both servers collect garbage all the time: memory that is free already is not told from what a connection holds otherwise.
	tight = "GOGC=10"
)

// memoryRows compare what an idle customer's connection, each with a session of its own, takes in memory with what the bare echo server of the same library takes for one
// (E2, P14): pairs of fresh processes, in turn first.
func memoryRows(ctx context.Context, s *session, t *table) error {
	return withChats(ctx, s, "idlechats", func(kept *store.Store, apart *house.Apart) error {
		ours := func() (float64, error) {
			fresh, err := apart.Another(tight)
			if err != nil {
				return 0, err
			}
			grown, err := grows(ctx, fresh.PID(), func(n int) (func(), error) {
				k, err := openTalk(ctx, kept, fresh.HTTP, n, customersListen)
				if err != nil {
					return nil, err
				}
				return k.close, nil
			})
			return grown, errors.Join(err, fresh.Stop())
		}
		bare := func() (float64, error) {
			echo, err := startEcho(ctx)
			if err != nil {
				return 0, err
			}
			defer echo.stop()
			return grows(ctx, echo.command.Process.Pid, func(n int) (func(), error) { return connectEcho(ctx, echo.address, n) })
		}
		var ratios []float64
		for pair := range memoryPairs {
			var of [2]float64
			for _, side := range [][]int{{0, 1}, {1, 0}}[pair%2] {
				grown, err := []func() (float64, error){ours, bare}[side]()
				if err != nil {
					return err
				}
				of[side] = grown
			}
			ratios = append(ratios, of[0]/of[1])
			t.note("E2: %.1f kB a connection with its session, %.1f kB a bare one", of[0]/1e3, of[1]/1e3)
		}
		median, least, most := middle(ratios)
		t.add("E2", fmt.Sprintf("memory of an idle customer's connection with its session, of %d, in bare echo connections (least, most); also P14", idleConns),
			fmt.Sprintf("%.3g (%.3g, %.3g)", median, least, most), fmt.Sprintf("≤ %g", mostChatMemory), verdict(median <= mostChatMemory))
		return nil
	})
}

// grows gives the bytes that a process grows by for one of the connections.
func grows(ctx context.Context, pid int, connect func(n int) (func(), error)) (float64, error) {
	var sizes [2]int64
	for n, conns := range []int{firstConns, idleConns} {
		closeAll, err := connect(conns)
		if err != nil {
			return 0, err
		}
		defer closeAll()
		if sizes[n], err = settled(ctx, pid); err != nil {
			return 0, err
		}
	}
	return float64(sizes[1]-sizes[0]) / idleConns, nil
}

// settled gives the memory that a process holds on to: what is free goes back little by little.
func settled(ctx context.Context, pid int) (int64, error) {
	least, err := count.Anonymous(pid)
	for quiet := 0; err == nil && quiet < 6; quiet++ {
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return 0, err
		}
		var now int64
		if now, err = count.Anonymous(pid); now < least-least/200 {
			least, quiet = now, 0
		}
	}
	return least, err
}

// echoServer is the bare server, a process of its own: this program, asked to be that.
type echoServer struct {
	command *exec.Cmd
	address string
}

func startEcho(ctx context.Context) (*echoServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, err := wire.Ports(ctx, 1)
	if err != nil {
		return nil, err
	}
	e := &echoServer{exec.CommandContext(ctx, self, "-echo", ports[0]), ports[0]}
	e.command.Env = append(os.Environ(), tight)
	if err := e.command.Start(); err != nil {
		return nil, err
	}
	return e, wire.Within(ctx, chatReadLimit, func(context.Context) error {
		c, err := net.Dial("tcp", e.address)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

func (e *echoServer) stop() {
	_ = e.command.Process.Kill()
	_ = e.command.Wait()
}

func connectEcho(ctx context.Context, address string, conns int) (func(), error) {
	var all []*websocket.Conn
	for range conns {
		ws, _, err := websocket.Dial(ctx, "ws://"+address, nil) //nolint:bodyclose // the library closes it
		if err != nil {
			return nil, err
		}
		all = append(all, ws)
		if err := ws.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			return nil, err
		}
		if _, _, err := ws.Read(ctx); err != nil {
			return nil, err
		}
	}
	return func() {
		for _, ws := range all {
			_ = ws.CloseNow()
		}
	}, nil
}

// serveEcho gives back whatever it gets, as the library's own example does, until the context ends.
func serveEcho(ctx context.Context, address string) error {
	server := &http.Server{Addr: address, ReadHeaderTimeout: chatReadLimit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		for {
			kind, data, err := ws.Read(ctx)
			if err != nil || ws.Write(ctx, kind, data) != nil {
				return
			}
		}
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !strings.Contains(err.Error(), http.ErrServerClosed.Error()) {
		return err
	}
	return nil
}
