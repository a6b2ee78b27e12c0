package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/safehttp"
)

// house is an inbox that knows what it has, as the store does, and fails now and then when told to.
type house struct {
	mu    sync.Mutex
	r     *rand.Rand
	have  map[[32]byte]interaction.Inbound
	raws  map[[32]byte]string
	again int
}

func newHouse() *house {
	return &house{have: map[[32]byte]interaction.Inbound{}, raws: map[[32]byte]string{}}
}

func (h *house) Accept(_ context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	raw, err := io.ReadAll(in.Raw)
	if err != nil {
		return interaction.Receipt{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.r != nil && h.r.IntN(100) == 0 {
		return interaction.Receipt{}, interaction.Unavailable("database_away", errors.New("planted"))
	}
	_, had := h.have[in.Identity]
	if had {
		h.again++
	}
	h.have[in.Identity], h.raws[in.Identity] = in, string(raw)
	return interaction.Receipt{ID: interaction.NewID(), Repeat: had}, nil
}

func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.have)
}

// given is how many mails the inbox took, counting those that it had.
func (h *house) given() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.have) + h.again
}

func link(s *server, extra map[string]any) interaction.Link {
	settings := map[string]any{"host": s.addr, "user": "box", "tls": "none", "poll": 1}
	for k, v := range extra {
		settings[k] = v
	}
	return interaction.Link{Name: "box", Kind: "imap", EntryPoint: "support", Settings: settings}
}

// pull works on a mailbox until the test ends or stop is called.
func pull(t *testing.T, l interaction.Lease, inbox interaction.Inbox, change func(*Options)) (stop func()) {
	t.Helper()
	opts := Options{Link: l.Link(), Secret: "secret", SpoolDir: t.TempDir(), Pause: time.Millisecond, Rest: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opts)
	}
	m, err := New(opts, inbox, adaptertest.EntryPoints())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Pull(ctx, l)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// TestPull is the suite of what goes out for what arrives.
func TestPull(t *testing.T) {
	adaptertest.Pull(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Source {
		s := startServer(t)
		source := adaptertest.Source{Link: link(s, nil), Put: func(content string) { s.deliver("To: support@example.test\r\n\r\n" + content + "\r\n") }}
		source.Open = func(t *testing.T) interaction.Puller {
			m, err := New(Options{Link: source.Link, Secret: "secret", SpoolDir: t.TempDir(), Pause: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}, inbox, entries)
			require.NoError(t, err)
			return m
		}
		return source
	})
}

func letter(n int, more string) string {
	id := fmt.Sprintf("Message-ID: <m%d@example.org>\r\n", n)
	if n%7 == 0 {
		id = ""
	}
	return id + fmt.Sprintf("From: Anna <anna@example.org>\r\nTo: support@example.test\r\nSubject: mail %d\r\n\r\n%s %d\r\n", n, more, n)
}

func until(t *testing.T, why string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 5*time.Millisecond, why)
}

// untilTaken waits as long as the inbox goes on being given mails, new ones or ones that it has: how long it all takes depends on the machine.
func untilTaken(t *testing.T, inbox *house, why string, ok func() bool) {
	t.Helper()
	for before := -1; inbox.given() > before; {
		before = inbox.given()
		over := time.Now().Add(30 * time.Second)
		for ; time.Now().Before(over); <-time.After(5 * time.Millisecond) {
			if ok() {
				return
			}
		}
	}
	require.Fail(t, "the inbox was given nothing for half a minute", why)
}

// TestNothingIsLostWhateverTheServerDoes: a server that drops in the middle, numbers anew, lists out of order, twice, late or not at all, delivers while it is
// selected and repeats mails; an inbox that is away now and then; two holders at once. MAILS is how many (the long form has 10,000).
func TestNothingIsLostWhateverTheServerDoes(t *testing.T) {
	mails := 400
	if n, err := strconv.Atoi(os.Getenv("PARLEY_IMAP_MAILS")); err == nil {
		mails = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	s := startServer(t)
	s.set(func() { s.r = rand.New(rand.NewPCG(seed, 1)) })
	inbox := newHouse()
	inbox.r = rand.New(rand.NewPCG(seed, 2))
	p := &adaptertest.Place{}
	stop := pull(t, p.Take(link(s, nil)), inbox, nil)
	during := 0
	onSelect := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if during < mails/10 {
			during++
			s.put(letter(1_000_000+during, "during"))
		}
	}
	s.set(func() { s.onSelect = onSelect })
	sent, renumbered := 0, 0
	for sent < mails {
		batch := min(1+r.IntN(20), mails-sent)
		for range batch {
			sent++
			s.deliver(letter(sent, "hello"))
		}
		switch sent % 50 {
		case 1, 2, 3:
			s.deliver(letter(sent, "hello")) // the same mail once more
		case 4, 5:
			if sent-renumbered > mails/10 { // everything is read again each time
				renumbered = sent
				s.renumber()
			}
		case 6, 7: // another process takes the mailbox over, while this one still works
			before := stop
			stop = pull(t, p.Take(link(s, nil)), inbox, nil)
			before()
		}
		reached := sent - 30
		untilTaken(t, inbox, "it keeps up", func() bool { return inbox.count() >= reached })
	}
	untilTaken(t, inbox, "all mails are here", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return inbox.count() >= mails+during
	})
	s.mu.Lock()
	want := map[[32]byte]bool{}
	for _, m := range s.mails {
		want[mail.ContentKey([]byte(m.raw))] = true
	}
	total := len(s.mails)
	s.mu.Unlock()
	untilTaken(t, inbox, "all are taken", func() bool { return inbox.count() == len(want) })
	inbox.mu.Lock()
	defer inbox.mu.Unlock()
	for key := range want {
		require.Contains(t, inbox.have, key)
		require.Equal(t, key, mail.ContentKey([]byte(inbox.raws[key])))
	}
	verdict := fmt.Sprintf("seed %d: %d mails in the mailbox, %d different ones, 0 lost, 0 doubled; %d read again and known", seed, total, len(want), inbox.again)
	t.Log(verdict)
	if os.Getenv("PARLEY_IMAP_MAILS") != "" {
		f, err := os.OpenFile("../../bench/results/imap.txt", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		defer f.Close()
		_, err = fmt.Fprintln(f, time.Now().UTC().Format(time.RFC3339), verdict)
		require.NoError(t, err)
	}
}

// TestCommandsDoNotGrowWithTheMailbox: with nothing new a look is the same few commands, for 10 mails and for 3,000, and writes nothing.
func TestCommandsDoNotGrowWithTheMailbox(t *testing.T) {
	cost := func(mails int) (commands, listed int) {
		s := startServer(t)
		s.set(func() { s.noIdle = true })
		for n := range mails {
			s.deliver(letter(n, "old"))
		}
		p, inbox := &adaptertest.Place{}, newHouse()
		stop := pull(t, p.Take(link(s, nil)), inbox, nil)
		until(t, "all are taken", func() bool { return inbox.count() == mails })
		until(t, "it rests", func() bool { state, _ := p.State(); return state == interaction.LinkUp })
		moves := p.Moves()
		before := s.asked()
		s.mu.Lock()
		selects := s.commands["EXAMINE"]
		s.mu.Unlock()
		until(t, "two more looks", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.commands["EXAMINE"] >= selects+2
		})
		stop()
		s.mu.Lock()
		looks := s.commands["EXAMINE"] - selects // on a slow machine there may be more
		s.mu.Unlock()
		require.Equal(t, moves, p.Moves(), "nothing is written when nothing is new")
		return (s.asked() - before + looks - 1) / looks, mails
	}
	few, _ := cost(10)
	many, _ := cost(3000)
	require.InDelta(t, few, many, 1)
	require.LessOrEqual(t, many, 3, "for one look")
}

func TestNewsIsHeardByIdle(t *testing.T) {
	s := startServer(t)
	p, inbox := &adaptertest.Place{}, newHouse()
	pull(t, p.Take(link(s, map[string]any{"poll": 3600})), inbox, nil)
	until(t, "it rests", func() bool { state, _ := p.State(); return state == interaction.LinkUp })
	for n := 1; n <= 3; n++ {
		s.deliver(letter(n, "new"))
		until(t, "it came", func() bool { return inbox.count() == n })
	}
}

// TestAMailThatIsThereLateIsNoNews: a server that does not list a mail at first, or says that it is not there, does not tell when it is; it is asked again.
func TestAMailThatIsThereLateIsNoNews(t *testing.T) {
	for name, hide := range map[string]func(*stored){
		"not listed at first": func(m *stored) { m.late = true },
		"listed but not had":  func(m *stored) { m.absent = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			s.deliver(letter(1, "first"), letter(2, "late"))
			s.set(func() { hide(&s.mails[1]) })
			p, inbox := &adaptertest.Place{}, newHouse()
			pull(t, p.Take(link(s, nil)), inbox, nil)
			until(t, "both came", func() bool { return inbox.count() == 2 })
			require.Zero(t, inbox.again)
		})
	}
}

// TestWhatIsNotTakenIsTold: a mail that is too large stays where it is, keeps nothing back and is told until somebody takes it away or raises the limit,
// whoever works on the mailbox; so is one that cannot be had.
func TestWhatIsNotTakenIsTold(t *testing.T) {
	s := startServer(t)
	large := "Subject: large\r\n\r\n" + strings.Repeat("x", 3000)
	s.deliver(large, letter(1, "small"), large+"y")
	p, inbox := &adaptertest.Place{}, newHouse()
	tells := func(words string) func() bool {
		return func() bool {
			state, detail := p.State()
			return state == interaction.LinkUp && (words == "" && detail == "" || words != "" && strings.Contains(detail, words))
		}
	}
	limit := map[string]any{"max_size": 2000}
	stop := pull(t, p.Take(link(s, limit)), inbox, nil)
	until(t, "both are told", tells("2 mails larger than max_size (2000 bytes) stay in the mailbox, last UID 1 with 3018 bytes, UID 3 with 3019 bytes"))
	require.Equal(t, 1, inbox.count())
	stop()
	for n := range behind + 5 { // until they are behind the window
		s.deliver(letter(10+n, "later"))
	}
	s.set(func() { s.mails = slices.Delete(s.mails, 2, 3) })
	stop = pull(t, p.Take(link(s, limit)), inbox, nil)
	until(t, "one is left", tells("1 mails larger"))
	require.Equal(t, behind+6, inbox.count())
	stop()
	pull(t, p.Take(link(s, map[string]any{"max_size": 5000})), inbox, nil)
	until(t, "it is taken now", func() bool { return inbox.count() == behind+7 })
	until(t, "all is well", tells(""))
	require.Zero(t, inbox.again)

	s.set(func() { s.mails[0].absent = maxTries + 1 })
	q := &adaptertest.Place{}
	inbox = newHouse()
	pull(t, q.Take(link(s, nil)), inbox, func(o *Options) { o.Rest = time.Second })
	until(t, "it is told", func() bool {
		return slices.Contains(q.Told(), "1 mails could not be had and are tried again every 1s")
	})
	until(t, "it is had in the end", func() bool { return inbox.count() == behind+7 })
	until(t, "all is well", func() bool { _, detail := q.State(); return detail == "" })
}

func TestAnOutageLeavesNoGap(t *testing.T) {
	s := startServer(t)
	p, inbox := &adaptertest.Place{}, newHouse()
	stop := pull(t, p.Take(link(s, nil)), inbox, nil)
	s.deliver(letter(1, "before"))
	until(t, "it came", func() bool { return inbox.count() == 1 })
	stop()
	for n := 2; n < 200; n++ {
		s.deliver(letter(n, "meanwhile"))
	}
	pull(t, p.Take(link(s, nil)), inbox, nil)
	until(t, "the gap is filled", func() bool { return inbox.count() == 199 })
	require.Zero(t, inbox.again, "nothing is fetched twice")
}

func TestBeginNewLeavesOldMailAlone(t *testing.T) {
	s := startServer(t)
	for n := range 20 {
		s.deliver(letter(n, "old"))
		s.set(func() { s.mails[n].at = time.Now().Add(-time.Hour) })
	}
	p, inbox := &adaptertest.Place{}, newHouse()
	pull(t, p.Take(link(s, map[string]any{"begin": "new"})), inbox, nil)
	until(t, "it rests", func() bool { state, _ := p.State(); return state == interaction.LinkUp })
	s.deliver(letter(100, "new"))
	until(t, "it came", func() bool { return inbox.count() == 1 })
	s.renumber()
	s.deliver(letter(101, "new"))
	until(t, "the next too", func() bool { return inbox.count() == 2 })
}

func TestWhoHasLostTheLeaseMovesNothing(t *testing.T) {
	s := startServer(t)
	p, inbox := &adaptertest.Place{}, newHouse()
	old := p.Take(link(s, nil))
	p.Take(link(s, nil))
	s.deliver(letter(1, "x"))
	m, err := New(Options{Link: old.Link(), Secret: "secret", Logger: slog.New(slog.DiscardHandler)}, inbox, adaptertest.EntryPoints())
	require.NoError(t, err)
	require.Equal(t, interaction.KindConflict, interaction.KindOf(m.Pull(t.Context(), old)))
	require.Zero(t, p.Moves())
}

func TestWhereAMailWasDeliveredTo(t *testing.T) {
	s := startServer(t)
	p, inbox := &adaptertest.Place{}, newHouse()
	s.deliver("Return-Path: <>\r\nDelivered-To: help@example.test\r\nTo: nobody@example.test\r\nSubject: bounce\r\n\r\nx\r\n")
	pull(t, p.Take(link(s, map[string]any{"address": "box@example.test"})), inbox, nil)
	until(t, "it came", func() bool { return inbox.count() == 1 })
	s.deliver("To: somebody@elsewhere.example\r\n\r\ny\r\n")
	until(t, "it came", func() bool { return inbox.count() == 2 })
	for _, in := range inbox.have {
		require.Equal(t, "support", in.Targets[0].EntryPoint)
		require.Contains(t, []string{"help@example.test", "box@example.test"}, in.Targets[0].Address)
		require.Equal(t, in.Targets[0].Address == "help@example.test", in.Facts.NullPath)
	}
}

func TestSigningIn(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		secret   string
		methods  []string
		tokens   string // what token_url answers
		want     interaction.LinkState
		tells    string
	}{
		"password":           {nil, "secret", nil, "", interaction.LinkUp, ""},
		"wrong password":     {nil, "wrong", nil, "", interaction.LinkFault, "refuses"},
		"OAUTHBEARER":        {map[string]any{"auth": "oauthbearer"}, "secret", []string{"OAUTHBEARER"}, "", interaction.LinkUp, ""},
		"XOAUTH2":            {map[string]any{"auth": "xoauth2"}, "secret", []string{"XOAUTH2"}, "", interaction.LinkUp, ""},
		"XOAUTH2, expired":   {map[string]any{"auth": "xoauth2"}, "old", []string{"XOAUTH2"}, "", interaction.LinkFault, "refuses"},
		"a token is fetched": {map[string]any{"auth": "xoauth2", "token_url": "https://login.example.org"}, "refresh", []string{"XOAUTH2"}, `{"access_token":"secret"}`, interaction.LinkUp, ""},
		"no token is given":  {map[string]any{"auth": "xoauth2", "token_url": "https://login.example.org"}, "refresh", []string{"XOAUTH2"}, `<html>`, interaction.LinkAway, "access token"},
		"no such folder":     {map[string]any{"folder": "Nowhere"}, "secret", nil, "", interaction.LinkFault, "folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			s.set(func() { s.methods = c.methods })
			p := &adaptertest.Place{}
			pull(t, p.Take(link(s, c.settings)), newHouse(), func(o *Options) {
				o.Secret = c.secret
				o.HTTP = func(*http.Request) (safehttp.Answer, error) {
					return safehttp.Answer{Status: 200, Body: []byte(c.tokens)}, nil
				}
			})
			until(t, "it is told", func() bool { state, _ := p.State(); return state == c.want })
			_, detail := p.State()
			require.Contains(t, detail, c.tells)
			require.NotContains(t, detail, c.secret+" ")
		})
	}
}

func TestAfterwards(t *testing.T) {
	for after, command := range map[string]string{"seen": "UID STORE", "move:Done": "UID MOVE"} {
		s := startServer(t)
		p, inbox := &adaptertest.Place{}, newHouse()
		s.deliver(letter(1, "x"), letter(2, "y"))
		pull(t, p.Take(link(s, map[string]any{"after": after})), inbox, nil)
		until(t, "both are marked", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.commands[command] == 1 && len(s.seen) == 2 })
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := map[string]any{"host": "imap.example.org", "user": "box"}
	require.NoError(t, Check(interaction.Link{Settings: good}))
	for setting, value := range map[string]any{
		"host": "", "user": "", "tls": "none", "auth": "magic", "begin": "later", "after": "move:", "poll": 0.5, "max_size": 10, "rest": 100_000, "token_url": "http://example.org", "unknown": 1, "folder": "a\r\nb",
	} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		bad[setting] = value
		require.Error(t, Check(interaction.Link{Settings: bad}), setting)
	}
}

// TestPosition: whatever is finished or owed in whatever order, what is over stays over, and what is not is asked for as long as it can come.
func TestPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p position
		finished := map[uint32]bool{}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			low := p.from()
			uid := rapid.Uint32Range(low, low+2*behind).Draw(t, "uid")
			switch how := rapid.IntRange(0, 9).Draw(t, "how"); {
			case how == 0 && !finished[uid]:
				p.owe(uid)
			case how == 1 && !finished[uid]:
				p.leave(append(slices.Clone(p.Left), left{UID: uid}))
			default:
				p.finish(uid)
				finished[uid] = true
			}
			if !finished[uid] && p.over(uid) {
				t.Fatalf("%d is owed or left and over", uid)
			}
			for f := range finished {
				if !p.over(f) {
					t.Fatalf("%d was finished and is not over: %+v", f, p)
				}
			}
			if len(p.Done) > 2*behind+1 || len(p.Owed) > maxOwed || len(p.Left) > maxLeft {
				t.Fatalf("it grows: %+v", p)
			}
		}
	})
}

// TestDovecot works with a real server: what is there, what is told of by IDLE, and a mailbox whose numbers change.
func TestDovecot(t *testing.T) {
	d := startDovecot(t)
	s := &server{addr: d.addr}
	for n := 1; n <= 30; n++ {
		d.deliver(t, n, letter(n, "hello"))
	}
	p, inbox := &adaptertest.Place{}, newHouse()
	stop := pull(t, p.Take(link(s, map[string]any{"poll": 3600})), inbox, nil)
	until(t, "all are taken", func() bool { return inbox.count() == 30 })
	until(t, "it rests", func() bool { state, _ := p.State(); return state == interaction.LinkUp })
	d.deliver(t, 31, letter(31, "by idle"))
	until(t, "the new one came", func() bool { return inbox.count() == 31 })
	stop()
	require.Zero(t, inbox.again)
	d.forget(t) // new UIDVALIDITY
	d.deliver(t, 32, letter(32, "behind it"))
	pull(t, p.Take(link(s, map[string]any{"after": "seen"})), inbox, nil)
	until(t, "and the next", func() bool { return inbox.count() == 32 })
	until(t, "all were read again, and known", func() bool { inbox.mu.Lock(); defer inbox.mu.Unlock(); return inbox.again == 31 })
	until(t, "they are marked", func() bool {
		marked, _ := filepath.Glob(filepath.Join(d.maildir, "cur", "*:2,*S*"))
		return len(marked) == 32
	})
}

// dovecot is a Dovecot of the test's own on loopback, with one mailbox that any user has.
type dovecot struct{ addr, maildir string }

func startDovecot(t *testing.T) *dovecot {
	t.Helper()
	program, err := exec.LookPath("dovecot")
	if err != nil || os.Getuid() != 0 {
		t.Skip("SKIPPED: install dovecot-imapd and be root to run this test")
	}
	dir, err := os.MkdirTemp("", "parley-dovecot-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	port := freePort(t)
	maildir := filepath.Join(dir, "mail", "box")
	for _, sub := range []string{"new", "cur", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(maildir, sub), 0o755))
	}
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, 65534, 65534))
	}))
	config := fmt.Sprintf(`base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:%[1]s/mail/%%u
auth_mechanisms = plain login
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s/mail/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[2]s
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
namespace inbox {
  inbox = yes
}
`, dir, port)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644))
	cmd := exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("%s\n%s", out.String(), log)
		}
	})
	return &dovecot{addr: "127.0.0.1:" + port, maildir: maildir}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)
	return port
}

// deliver puts a mail into the maildir, as a delivery agent does.
func (d *dovecot) deliver(t *testing.T, n int, raw string) {
	t.Helper()
	name := fmt.Sprintf("%d.M%d.test", time.Now().Unix(), n)
	tmp := filepath.Join(d.maildir, "tmp", name)
	require.NoError(t, os.WriteFile(tmp, []byte(raw), 0o644))
	require.NoError(t, os.Chown(tmp, 65534, 65534))
	require.NoError(t, os.Rename(tmp, filepath.Join(d.maildir, "new", name)))
}

// forget takes the index away: the server numbers all mails anew.
func (d *dovecot) forget(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.maildir, "dovecot*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	list, err := os.ReadFile(filepath.Join(d.maildir, "dovecot-uidlist"))
	require.NoError(t, err)
	validity := regexp.MustCompile(`V(\d+)`).FindStringSubmatch(string(list))
	until(t, "it is another second: what Dovecot numbers by", func() bool { return fmt.Sprint(time.Now().Unix()) > validity[1] })
	for _, f := range files {
		require.NoError(t, os.RemoveAll(f))
	}
}
