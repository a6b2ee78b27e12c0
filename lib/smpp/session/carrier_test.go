// The tests run under simulated time (testing/synctest): their sleeps last no time, and end when all else waits.

package session

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/lib/smpp"
)

// house is a carrier of ours with a link of ours to it.
func house(ctx context.Context, c *Carrier, change func(*LinkOptions)) *Link {
	if c.Bind == nil {
		c.Bind = func(context.Context, smpp.Command, *smpp.Bind) smpp.Status { return smpp.StatusOK }
	}
	o := LinkOptions{Rate: 1000, Bind: smpp.Bind{SystemID: "esme"}, Dial: func(ctx context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { _ = c.Serve(context.WithoutCancel(ctx), theirs) }()
		return ours, nil
	}}
	if change != nil {
		change(&o)
	}
	l := NewLink(o)
	go func() { _ = l.Run(ctx) }()
	return l
}

func TestBothSidesSpeak(t *testing.T) {
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprint("separate ", separate), func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				var mu sync.Mutex
				conns := map[smpp.Command]*Conn{}
				c := &Carrier{SystemID: "smsc", Bound: func(c *Conn) { mu.Lock(); defer mu.Unlock(); conns[c.Command()] = c }}
				c.Handle = func(_ context.Context, _ *Conn, p *smpp.PDU) *smpp.PDU {
					answer := p.Answer(smpp.StatusOK)
					answer.Body = &smpp.MessageResp{MessageID: "m1"}
					return answer
				}
				var heard []string
				l := house(ctx, c, func(o *LinkOptions) {
					o.Separate = separate
					o.Handle = func(_ context.Context, _ *Conn, p *smpp.PDU) *smpp.PDU {
						heard = append(heard, p.Content("").Text)
						return p.Answer(smpp.StatusOK)
					}
				})
				answer, err := l.Submit(ctx, submit("hello"), 0, nil)
				require.NoError(t, err)
				require.Equal(t, "m1", answer.Body.(*smpp.MessageResp).MessageID)
				time.Sleep(5 * time.Second) // the second leg's turn to bind
				mu.Lock()
				receiver := conns[smpp.BindTransceiver]
				if separate {
					receiver = conns[smpp.BindReceiver]
				}
				mu.Unlock()
				require.NotNil(t, receiver)
				for i := range 20 {
					answer, err := receiver.Request(ctx, &smpp.PDU{Command: smpp.DeliverSM, Body: &smpp.Message{ShortMessage: []byte(fmt.Sprint(i))}}, nil)
					require.NoError(t, err)
					require.Equal(t, smpp.StatusOK, answer.Status)
				}
				require.Len(t, heard, 20)
				require.Equal(t, "19", heard[19], "in their order")
			})
		})
	}
}

// TestABadPDUDoesNotEndTheConnection is M-02, M-04, M-05 and M-07; TestALostStreamIsEnded is M-01.
func TestABadPDUDoesNotEndTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ours := dialCarrier(ctx, &Carrier{})
		defer ours.Close()
		exchange(t, ours, &smpp.PDU{Command: smpp.BindTransceiver, Sequence: 1, Body: &smpp.Bind{}}, smpp.StatusOK)
		for _, c := range []struct {
			hex    string
			answer smpp.Command
			status smpp.Status
		}{
			{"00000010000001100000000000000007", smpp.GenericNack, smpp.StatusUnknownCommand},
			{"00000012000000040000000000000007" + "3132", smpp.SubmitSM.Response(), smpp.StatusInvalidService},
			{"0000001000000015ffffffff00000007", smpp.EnquireLink.Response(), smpp.StatusOK},
		} {
			raw, err := smpp.ParseHex(c.hex)
			require.NoError(t, err)
			_, err = ours.Write(raw)
			require.NoError(t, err)
			got := read(t, ours)
			require.Equal(t, c.answer, got.Command)
			require.Equal(t, c.status, got.Status)
			require.Equal(t, uint32(7), got.Sequence)
		}
	})
}

func TestALostStreamIsEnded(t *testing.T) {
	for name, head := range map[string]string{"length 0": "00000000", "length 15": "0000000f", "length 2^31": "80000000"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ours := dialCarrier(ctx, &Carrier{})
				exchange(t, ours, &smpp.PDU{Command: smpp.BindTransceiver, Sequence: 1, Body: &smpp.Bind{}}, smpp.StatusOK)
				raw, err := smpp.ParseHex(head)
				require.NoError(t, err)
				_, err = ours.Write(raw)
				require.NoError(t, err)
				got := read(t, ours)
				require.Equal(t, smpp.GenericNack, got.Command)
				require.Equal(t, smpp.StatusInvalidCommand, got.Status)
				_, err = smpp.Read(ours)
				require.Error(t, err, "the link is closed")
			})
		})
	}
}

func TestWithoutABindNothingIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ours := dialCarrier(ctx, &Carrier{Bind: func(_ context.Context, _ smpp.Command, b *smpp.Bind) smpp.Status {
			if b.Password != "right" {
				return smpp.StatusInvalidPassword
			}
			return smpp.StatusOK
		}})
		defer ours.Close()
		exchange(t, ours, submit("early"), smpp.StatusBindState)
		exchange(t, ours, &smpp.PDU{Command: smpp.BindReceiver, Sequence: 2, Body: &smpp.Bind{Password: "wrong"}}, smpp.StatusInvalidPassword)
		exchange(t, ours, &smpp.PDU{Command: smpp.BindReceiver, Sequence: 3, Body: &smpp.Bind{Password: "right"}}, smpp.StatusOK)
		exchange(t, ours, submit("by the wrong leg"), smpp.StatusBindState)
		exchange(t, ours, &smpp.PDU{Command: smpp.BindReceiver, Sequence: 4, Body: &smpp.Bind{}}, smpp.StatusAlreadyBound)
		exchange(t, ours, &smpp.PDU{Command: smpp.Unbind, Sequence: 5}, smpp.StatusOK)
	})
}

func TestWhoDoesNotBindIsCutOff(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ours := dialCarrier(ctx, &Carrier{})
		begun := time.Now()
		_, err := smpp.Read(ours)
		require.Error(t, err)
		require.Equal(t, 10*time.Second, time.Since(begun))
	})
}

// TestABurstIsHeldOff: what cannot be worked on at once is told to come later, and the connection goes on.
func TestABurstIsHeldOff(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		free := make(chan struct{})
		c := &Carrier{}
		c.Handle = func(_ context.Context, _ *Conn, p *smpp.PDU) *smpp.PDU {
			<-free
			return p.Answer(smpp.StatusOK)
		}
		ours := dialCarrier(ctx, c)
		defer ours.Close()
		exchange(t, ours, &smpp.PDU{Command: smpp.BindTransceiver, Sequence: 1, Body: &smpp.Bind{}}, smpp.StatusOK)
		raw, err := submit("the first").Encode()
		require.NoError(t, err)
		_, err = ours.Write(raw)
		require.NoError(t, err)
		synctest.Wait() // the handler has it
		var burst bytes.Buffer
		for range backlog + 1 {
			raw, err := submit("a").Encode()
			require.NoError(t, err)
			burst.Write(raw)
		}
		go func() { _, _ = ours.Write(burst.Bytes()) }()
		require.Equal(t, smpp.StatusQueueFull, read(t, ours).Status)
		close(free)
		for range backlog + 1 {
			require.Equal(t, smpp.StatusOK, read(t, ours).Status)
		}
		synctest.Wait()
	})
}

func dialCarrier(ctx context.Context, c *Carrier) net.Conn {
	if c.Bind == nil {
		c.Bind = func(context.Context, smpp.Command, *smpp.Bind) smpp.Status { return smpp.StatusOK }
	}
	ours, theirs := net.Pipe()
	go func() { _ = c.Serve(ctx, theirs) }()
	return ours
}

func exchange(t *testing.T, conn net.Conn, p *smpp.PDU, want smpp.Status) {
	t.Helper()
	raw, err := p.Encode()
	require.NoError(t, err)
	_, err = conn.Write(raw)
	require.NoError(t, err)
	got := read(t, conn)
	require.Equal(t, p.Command.Response(), got.Command)
	require.Equal(t, want, got.Status)
}

func read(t *testing.T, conn net.Conn) *smpp.PDU {
	t.Helper()
	raw, err := smpp.Read(conn)
	require.NoError(t, err)
	p, err := smpp.Decode(raw)
	require.NoError(t, err)
	return p
}
