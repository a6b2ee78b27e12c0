package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/bench/house"
)

// Accepting mail beside Postfix (B1).
const (
	leastAccept = 1.0  // times Postfix
	acceptMails = 2000 // a leg
	acceptPairs = 9    // ABBA
)

// acceptDatabase holds what was accepted and never settled.
const acceptDatabase = "accept"

// acceptRows let smtp-source send the same mails to us and to a Postfix that throws them away after queueing, in turns. Both are durable; our intake and relay do not run.
func acceptRows(ctx context.Context, s *session, t *table) (err error) {
	for _, program := range []string{"postfix", "smtp-source"} {
		if _, err := exec.LookPath(program); err != nil || os.Getuid() != 0 {
			t.note("B1 was not measured: it needs root, and %s on the PATH", program)
			return nil
		}
	}
	apart, err := s.house.StartApart(ctx, acceptDatabase, "api,adapters")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apart.Stop()) }()
	theirs, stop, err := startPostfix(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, sessions := range []int{1, 16} {
		var ratios, reference []float64
		for range acceptPairs {
			var took [4]float64
			for leg, address := range []string{apart.SMTP, theirs, theirs, apart.SMTP} {
				begun := time.Now()
				out, err := exec.CommandContext(ctx, "smtp-source", "-s", strconv.Itoa(sessions), "-l", "4096", "-m", strconv.Itoa(acceptMails),
					"-f", "a@b.test", "-t", house.Support, address).CombinedOutput()
				if err != nil {
					return fmt.Errorf("smtp-source to %s: %w: %s", address, err, out)
				}
				took[leg] = time.Since(begun).Seconds()
			}
			ratios = append(ratios, (took[1]+took[2])/(took[0]+took[3]))
			reference = append(reference, took[1], took[2])
		}
		slices.Sort(ratios)
		what := fmt.Sprintf("mails accepted beside Postfix, %d sessions", sessions)
		t.atLeast("B1", what, ratios[len(ratios)/2], "times", leastAccept)
		t.show("B1", "of that, from and to", fmt.Sprintf("%.2f, %.2f times", ratios[0], ratios[len(ratios)-1]))
		t.show("B1", "Postfix itself", fmt.Sprintf("%.0f to %.0f a second", acceptMails/slices.Max(reference), acceptMails/slices.Min(reference)))
		t.noisyUnless(slices.Max(reference) <= 2*slices.Min(reference), "B1")
	}
	return nil
}

// startPostfix starts one of the run's own on loopback.
func startPostfix(ctx context.Context) (address string, stop func() error, err error) {
	directory, err := os.MkdirTemp("", "parley-postfix-")
	if err != nil {
		return "", nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = ln.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	main := strings.ReplaceAll(`compatibility_level = 3.6
queue_directory = @/spool
data_directory = @/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
default_transport = discard
smtp_dns_support_level = disabled
maillog_file_prefixes = @
maillog_file = @/maillog
alias_maps =
alias_database =
smtpd_client_connection_count_limit = 0
smtpd_recipient_restrictions = permit_mynetworks, reject
`, "@", directory)
	master := `127.0.0.1:` + port + ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
	err = errors.Join(ln.Close(), os.Chmod(directory, 0o755), os.Mkdir(filepath.Join(directory, "spool"), 0o755), os.Mkdir(filepath.Join(directory, "data"), 0o755),
		exec.CommandContext(ctx, "chown", "postfix", filepath.Join(directory, "data")).Run(),
		os.WriteFile(filepath.Join(directory, "main.cf"), []byte(main), 0o644), os.WriteFile(filepath.Join(directory, "master.cf"), []byte(master), 0o644))
	if err != nil {
		return "", nil, err
	}
	control := func(ctx context.Context, word string) error {
		if out, err := exec.CommandContext(ctx, "postfix", "-c", directory, word).CombinedOutput(); err != nil {
			return fmt.Errorf("postfix %s: %w: %s", word, err, out)
		}
		return nil
	}
	stop = func() error {
		return errors.Join(control(context.WithoutCancel(ctx), "stop"), os.RemoveAll(directory))
	}
	return address, stop, control(ctx, "start")
}
