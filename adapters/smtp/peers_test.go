package smtp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
)

// program gives the path of a program that a test needs, and skips the test where it is not installed.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path = "/usr/sbin/" + name; !isFile(path) {
			t.Skipf("SKIPPED: install %s to run this test", name)
		}
	}
	return path
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// freePort gives a port that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)
	return port
}

// postfix is a Postfix of the test's own on loopback.
type postfix struct {
	addr string
	dir  string
}

const postfixMaster = `127.0.0.1:%s inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 1 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
`

// startPostfix starts one that takes any mail from this machine and treats it as the further settings say.
func startPostfix(t *testing.T, settings ...string) *postfix {
	t.Helper()
	control := program(t, "postfix")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: Postfix can be started by root only; run it as root")
	}
	dir, err := os.MkdirTemp("", "parley-postfix-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // its own users must come in
	port := freePort(t)
	for _, d := range []string{"spool", "data", "mail"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	_, err = exec.Command("chown", "postfix", filepath.Join(dir, "data")).CombinedOutput()
	require.NoError(t, err)
	require.NoError(t, os.Chown(filepath.Join(dir, "mail"), 65534, 65534))
	for i := range settings {
		settings[i] = strings.ReplaceAll(settings[i], "{{dir}}", dir)
	}
	main := append([]string{
		"compatibility_level = 3.6", "queue_directory = " + dir + "/spool", "data_directory = " + dir + "/data", "command_directory = /usr/sbin",
		"daemon_directory = /usr/lib/postfix/sbin", "mail_owner = postfix", "setgid_group = postdrop", "myhostname = mx.example.org", "mydestination =",
		"inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "mynetworks = 127.0.0.0/8", "smtp_host_lookup = native", "smtp_dns_support_level = disabled",
		"maillog_file_prefixes = " + dir, "maillog_file = " + dir + "/maillog", "alias_maps =", "alias_database =", "smtpd_recipient_restrictions = permit_mynetworks, reject",
		"minimal_backoff_time = 1s", "maximal_backoff_time = 2s", "queue_run_delay = 1s",
	}, settings...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.cf"), []byte(strings.Join(main, "\n")+"\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "master.cf"), fmt.Appendf(nil, postfixMaster, port), 0o644))
	out, err := exec.Command(control, "-c", dir, "start").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() {
		if out, err := exec.Command(control, "-c", dir, "stop").CombinedOutput(); err != nil {
			t.Errorf("stop postfix: %v %s", err, out)
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "maillog"))
			t.Logf("%s", log)
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	p := &postfix{addr: "127.0.0.1:" + port, dir: dir}
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)
	return p
}

// kept gives the mails in the mailbox for all.
func (p *postfix) kept(t *testing.T) (mails []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "all", "new", "*"))
	require.NoError(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		mails = append(mails, string(raw))
	}
	return mails
}

// certificateFiles writes a certificate and its key for programs that read files.
func certificateFiles(t *testing.T, dir string) (config *tls.Config, pool *x509.CertPool, cert, key string) {
	t.Helper()
	config, pool = certificate(t)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]}), 0o644))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return config, pool, cert, key
}

// TestPostfixDelivers: mails that were given to a Postfix come to us whole, over plain connections and TLS, also those whose first answer was lost.
func TestPostfixDelivers(t *testing.T) {
	for name, c := range map[string]struct {
		settings []string
		source   []string // arguments of smtp-source
		secure   bool
	}{
		"in clear":      {source: []string{"-m", "20", "-s", "4", "-l", "4096"}},
		"under TLS":     {settings: []string{"smtp_tls_security_level = encrypt"}, source: []string{"-m", "5", "-l", "2000"}, secure: true},
		"several to":    {source: []string{"-m", "3", "-r", "5", "-N"}},
		"large":         {source: []string{"-m", "2", "-l", "2000000"}},
		"many together": {settings: []string{"smtp_connection_cache_on_demand = yes", "smtp_connection_cache_destinations = [127.0.0.1]"}, source: []string{"-m", "40", "-s", "10", "-d"}},
		"without EHLO":  {settings: []string{"smtp_always_send_ehlo = no", "smtp_never_send_ehlo = yes"}, source: []string{"-m", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := program(t, "smtp-source")
			server, _ := certificate(t)
			inbox := &adaptertest.Inbox{}
			l := listen(t, Options{TLSConfig: server}, inbox)
			_, port, _ := net.SplitHostPort(l.Addr().String())
			// Whoever the mail is for, it is for our entry point: smtp-source numbers its recipients.
			p := startPostfix(t, append([]string{
				"relayhost = [127.0.0.1]:" + port, "recipient_canonical_maps = static:support@example.test", "recipient_canonical_classes = envelope_recipient",
			}, c.settings...)...)
			out, err := exec.Command(source, append(c.source, "-f", "anna@example.org", "-t", "support@example.test", p.addr)...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			want := map[string]int{"in clear": 20, "under TLS": 5, "several to": 3, "large": 2, "many together": 40, "without EHLO": 3}[name]
			require.Eventually(t, func() bool { return inbox.Count() >= want }, 30*time.Second, 20*time.Millisecond)
			for _, got := range inbox.All(t, want) {
				require.Contains(t, string(got.Content), "Message-Id:")
				require.Equal(t, c.secure, got.Facts.TLS != "", got.Facts.TLS)
				if name == "large" {
					require.Greater(t, len(got.Content), 2_000_000)
				}
			}
		})
	}
}

// TestSwaksDelivers: a client for testing servers, in each of its ways to speak.
func TestSwaksDelivers(t *testing.T) {
	swaks := program(t, "swaks")
	for name, c := range map[string]struct {
		args   []string
		fails  bool
		secure bool
	}{
		"ESMTP":              {},
		"SMTP":               {args: []string{"--protocol", "SMTP"}},
		"pipelining":         {args: []string{"--pipeline"}},
		"TLS":                {args: []string{"--tls"}, secure: true},
		"TLS, if offered":    {args: []string{"--tls-optional"}, secure: true},
		"attachment":         {args: []string{"--attach-type", "text/plain", "--attach", "a file"}},
		"two recipients":     {args: []string{"--to", "support@example.test,sales@example.test"}},
		"null sender":        {args: []string{"--from", "<>"}},
		"no one here":        {args: []string{"--to", "nobody@example.test"}, fails: true},
		"quit before data":   {args: []string{"--quit-after", "RCPT"}},
		"drop before data":   {args: []string{"--drop-after", "RCPT"}, fails: false},
		"AUTH is impossible": {args: []string{"--auth", "PLAIN", "--auth-user", "u", "--auth-password", "p"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := certificate(t)
			inbox := &adaptertest.Inbox{}
			l := listen(t, Options{TLSConfig: server}, inbox)
			host, port, _ := net.SplitHostPort(l.Addr().String())
			args := append([]string{"--server", host, "--port", port, "--helo", "client.example.org", "--from", "anna@example.org", "--to", "support@example.test", "--body", "hello"}, c.args...)
			out, err := exec.Command(swaks, args...).CombinedOutput()
			require.Equal(t, c.fails, err != nil, "%s", out)
			want := 1
			if c.fails || strings.Contains(name, "before data") {
				want = 0
			}
			for _, got := range inbox.All(t, want) {
				require.True(t, bytes.Contains(got.Content, []byte("hello")))
				require.Equal(t, c.secure, got.Facts.TLS != "")
			}
		})
	}
}

// TestSendsToPostfix: a Postfix takes what we send, over TLS that it is checked for, keeps it once and says no where it should.
func TestSendsToPostfix(t *testing.T) {
	files := t.TempDir()
	_, pool, cert, key := certificateFiles(t, files)
	p := startPostfix(t,
		"virtual_mailbox_domains = example.test", "virtual_transport = virtual", "virtual_mailbox_base = {{dir}}/mail", "virtual_mailbox_maps = static:all/",
		"virtual_uid_maps = static:65534", "virtual_gid_maps = static:65534", "smtpd_tls_security_level = may", "smtpd_tls_cert_file = "+cert, "smtpd_tls_key_file = "+key,
		"smtpd_recipient_restrictions = check_recipient_access inline:{ {bad@example.test = 550 5.1.1 nobody} {later@example.test = 451 4.3.0 not now} }, permit_mynetworks, reject",
		"message_size_limit = 100000",
	)
	s, err := NewSender(SenderOptions{Addr: p.addr, Hostname: "mx.example.test", TLS: TLSRequired, TLSConfig: &tls.Config{RootCAs: pool}})
	require.NoError(t, err)
	defer s.Close()
	for address, want := range map[string]interaction.SendState{
		"anna@example.test": interaction.SendSent, "bad@example.test": interaction.SendNotSent, "later@example.test": interaction.SendQueued, "süd@example.test": interaction.SendSent,
	} {
		out := to(address)
		out.Key, out.MessageID, out.Subject = address, mail.MessageIDFor(address, "example.test"), "Grüße an "+address
		out.Text = ".dot\n\nein süßer Text\n"
		o := s.Send(t.Context(), out, agree)
		require.Equal(t, want, o.State, "%s: %+v", address, o)
	}
	big := to("anna@example.test")
	big.Attachments = []interaction.Attachment{{Name: "a", Type: "text/plain", Data: make([]byte, 200_000)}}
	require.Equal(t, "552 5.3.4", s.Send(t.Context(), big, agree).Code)
	require.Eventually(t, func() bool { return len(p.kept(t)) == 2 }, 20*time.Second, 50*time.Millisecond)
	for _, raw := range p.kept(t) {
		m := mail.Parse([]byte(raw))
		require.Contains(t, m.Subject, "Grüße an ")
		require.Equal(t, ".dot\n\nein süßer Text\n", m.Text)
		require.Contains(t, raw, "SMTPS id ")
	}
}
