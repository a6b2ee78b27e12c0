package imap

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a mailbox server of the test's that can misbehave in every way that real ones were seen to, and counts what it is asked.
type server struct {
	t        *testing.T
	addr     string
	noIdle   bool
	password string
	methods  []string // of AUTHENTICATE

	mu       sync.Mutex
	r        *rand.Rand // nil: it behaves
	validity uint32
	next     uint32
	mails    []stored // in the order of their UIDs
	commands map[string]int
	onSelect func() // runs while a SELECT is answered
	changed  *sync.Cond
	open     map[net.Conn]bool
	seen     map[uint32]bool
	stopped  bool
}

type stored struct {
	uid    uint32
	raw    string
	at     time.Time
	late   bool // not yet to be seen in a listing
	absent int  // how often it is not there when it is asked for
}

func startServer(t *testing.T) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{t: t, addr: ln.Addr().String(), password: "secret", validity: 1, next: 1, commands: map[string]int{}, open: map[net.Conn]bool{}, seen: map[uint32]bool{}}
	s.changed = sync.NewCond(&s.mu)
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[conn] = true
			s.mu.Unlock()
			sessions.Go(func() {
				defer conn.Close()
				(&dialogue{server: s, conn: conn, in: bufio.NewReader(conn)}).serve()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		s.stopped = true
		for c := range s.open {
			c.Close()
		}
		s.changed.Broadcast()
		s.mu.Unlock()
		sessions.Wait()
	})
	return s
}

// set changes how the server behaves.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// offers reports whether there is such a method of AUTHENTICATE.
func (s *server) offers(method string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.methods, method)
}

// deliver puts mails into the mailbox.
func (s *server) deliver(raws ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(raws...)
}

func (s *server) put(raws ...string) {
	for _, raw := range raws {
		s.mails = append(s.mails, stored{uid: s.next, raw: raw, at: time.Now(), late: s.chance(10)})
		s.next++
	}
	s.changed.Broadcast()
}

// renumber gives all mails new UIDs, as a server does whose index was lost.
func (s *server) renumber() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.validity++
	s.next = 1
	for i := range s.mails {
		s.mails[i].uid = s.next
		s.next += 1 + uint32(i%3)
	}
	s.changed.Broadcast()
}

// chance is one in n, for a server that misbehaves.
func (s *server) chance(n int) bool { return s.r != nil && s.r.IntN(n) == 0 }

// dialogue is one connection.
type dialogue struct {
	*server
	conn net.Conn
	in   *bufio.Reader
	told int // mails that the client knows of
}

func (d *dialogue) say(format string, args ...any) bool {
	_, err := fmt.Fprintf(d.conn, format+"\r\n", args...)
	return err == nil
}

var numbers = regexp.MustCompile(`UID FETCH (\S+) \((.*)\)`)

func (d *dialogue) serve() {
	d.say("* OK [CAPABILITY %s] ready", d.caps())
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		verb := strings.ToUpper(strings.SplitN(command, " ", 2)[0])
		d.mu.Lock()
		d.commands[verb]++
		unasked := d.chance(5)
		d.mu.Unlock()
		if unasked {
			d.say("* OK still here")
		}
		if !d.answer(tag, verb, command) {
			return
		}
	}
}

func (d *dialogue) caps() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	caps := "IMAP4rev1 SASL-IR MOVE UIDPLUS"
	if !d.noIdle {
		caps += " IDLE"
	}
	for _, m := range d.methods {
		caps += " AUTH=" + m
	}
	return caps
}

// answer does one command; false ends the connection.
func (d *dialogue) answer(tag, verb, command string) bool {
	switch verb {
	case "LOGIN":
		if !strings.Contains(command, d.password) {
			return d.say("%s NO [AUTHENTICATIONFAILED] wrong", tag)
		}
	case "AUTHENTICATE":
		fields := strings.Fields(command)
		said, _ := base64.StdEncoding.DecodeString(fields[len(fields)-1])
		if !strings.Contains(string(said), "auth=Bearer "+d.password+"\x01") || !d.offers(fields[1]) {
			d.say("+ %s", base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`)))
			_, _ = d.in.ReadString('\n')
			return d.say("%s NO wrong", tag)
		}
	case "CAPABILITY":
		d.say("* CAPABILITY %s", d.caps())
	case "SELECT", "EXAMINE":
		if strings.Contains(command, "Nowhere") {
			return d.say("%s NO there is no such folder", tag)
		}
		d.mu.Lock()
		count, validity, next := len(d.mails), d.validity, d.next
		hook := d.onSelect
		d.mu.Unlock()
		d.say("* %d EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY %d] ok", count, validity)
		if hook != nil {
			hook()
		}
		d.told = count
		d.say("* OK [UIDNEXT %d] ok", next)
	case "UID":
		return d.uid(tag, command)
	case "IDLE":
		return d.idle(tag)
	case "NOOP":
	case "LOGOUT":
		d.say("* BYE")
		d.say("%s OK bye", tag)
		return false
	default:
		return d.say("%s BAD what", tag)
	}
	return d.say("%s OK done", tag)
}

func (d *dialogue) uid(tag, command string) bool {
	if !strings.HasPrefix(strings.ToUpper(command), "UID FETCH") {
		d.mu.Lock()
		d.commands[strings.Join(strings.Fields(command)[:2], " ")]++
		for _, m := range d.mails {
			if contains(strings.Fields(command)[2], m.uid, d.next) {
				d.seen[m.uid] = true
			}
		}
		d.mu.Unlock()
		return d.say("%s OK done", tag)
	}
	asked := numbers.FindStringSubmatch(command)
	body := strings.Contains(asked[2], "BODY.PEEK[]")
	d.mu.Lock()
	var found []stored
	var at []int
	for i := range d.mails {
		last := i == len(d.mails)-1 && strings.HasSuffix(asked[1], "*") // n:* always has the last one
		switch {
		case !contains(asked[1], d.mails[i].uid, d.next) && !last:
		case d.mails[i].late && !body:
			d.mails[i].late = false
		case d.mails[i].absent > 0 && body:
			d.mails[i].absent--
		default:
			found, at = append(found, d.mails[i]), append(at, i+1)
		}
	}
	if d.r != nil && !body {
		d.r.Shuffle(len(found), func(i, j int) { found[i], found[j], at[i], at[j] = found[j], found[i], at[j], at[i] })
	}
	drop, twice, nothing := d.chance(25), d.chance(5), body && d.chance(40)
	d.mu.Unlock()
	if nothing {
		found = nil
	}
	for i, m := range found {
		if !body {
			for n := 0; n < 1 || twice && n < 2; n++ {
				d.say(`* %d FETCH (UID %d INTERNALDATE "%s" RFC822.SIZE %d)`, at[i], m.uid, m.at.Format("02-Jan-2006 15:04:05 -0700"), len(m.raw))
			}
			if drop && i == len(found)/2 {
				return false
			}
			continue
		}
		d.say("* %d FETCH (FLAGS (\\Seen))", at[i])
		raw := m.raw
		if drop {
			fmt.Fprintf(d.conn, "* %d FETCH (UID %d BODY[] {%d}\r\n%s", at[i], m.uid, len(raw), raw[:len(raw)/2])
			return false
		}
		fmt.Fprintf(d.conn, "* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", at[i], m.uid, len(raw), raw)
	}
	return d.say("%s OK done", tag)
}

// idle tells of what arrives until the client says that it is enough.
func (d *dialogue) idle(tag string) bool {
	d.say("+ idling")
	done := make(chan string, 1)
	go func() {
		line, _ := d.in.ReadString('\n')
		done <- strings.TrimSpace(line)
		d.mu.Lock()
		d.changed.Broadcast()
		d.mu.Unlock()
	}()
	d.mu.Lock()
	for {
		if len(done) > 0 || d.stopped {
			break
		}
		if count := len(d.mails); count != d.told {
			d.told = count
			d.mu.Unlock()
			d.say("* %d EXISTS", count)
			d.mu.Lock()
			continue
		}
		d.changed.Wait()
	}
	d.mu.Unlock()
	return <-done == "DONE" && d.say("%s OK done", tag)
}

// contains reports whether a UID is in a set of IMAP's.
func contains(set string, uid, next uint32) bool {
	number := func(s string) uint32 {
		if s == "*" {
			return max(next, 1) - 1
		}
		n, _ := strconv.ParseUint(s, 10, 32)
		return uint32(n)
	}
	for part := range strings.SplitSeq(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		if !isRange {
			to = from
		}
		a, b := number(from), number(to)
		if uid >= min(a, b) && uid <= max(a, b) {
			return true
		}
	}
	return false
}

// asked tells how often commands were heard so far.
func (s *server) asked() (all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.commands {
		all += n
	}
	return all
}
