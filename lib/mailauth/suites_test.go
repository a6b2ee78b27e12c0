package mailauth

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// corpora gives the folder with public collections, or skips.
func corpora(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("PARLEY_CORPORA")
	if dir == "" {
		t.Skip("SKIPPED: set PARLEY_CORPORA to the folder of mail collections to run this test")
	}
	return dir
}

// documents reads all YAML documents of a file.
func documents[T any](t *testing.T, file string) (list []T) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	d := yaml.NewDecoder(f)
	for {
		var one T
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, one)
	}
}

type arcSuite struct {
	Description string            `yaml:"description"`
	Tests       yaml.Node         `yaml:"tests"` // some names stand twice
	Records     map[string]string `yaml:"txt-records"`
}

// TestARCSuite runs the validation part of the ARC test suite. An empty
// expectation marks chains whose newest seal says that the chain had failed: any answer but pass will do.
func TestARCSuite(t *testing.T) {
	cases := 0
	for _, suite := range documents[arcSuite](t, filepath.Join(corpora(t), "arc-test-suite", "arc-draft-validation-tests.yml")) {
		resolver := &names{txt: map[string][]string{}}
		for name, record := range suite.Records {
			resolver.txt[name] = []string{record}
		}
		for i := 0; i+1 < len(suite.Tests.Content); i += 2 {
			var c struct{ Message, Cv, Description string }
			require.NoError(t, suite.Tests.Content[i+1].Decode(&c))
			name := suite.Tests.Content[i].Value
			cases++
			t.Run(suite.Description+"/"+name, func(t *testing.T) {
				got := checkARC(t.Context(), newline([]byte(c.Message)), &budget{Resolver: resolver, left: 100})
				if c.Cv == "" {
					require.NotEqual(t, Pass, got, c.Description)
					return
				}
				require.Equal(t, Result(strings.ToLower(c.Cv)), got, c.Description)
			})
		}
	}
	require.Greater(t, cases, 170)
}

// spfSuite is one scenario of the openspf suite.
type spfSuite struct {
	Description string `yaml:"description"`
	Tests       map[string]struct {
		Helo     string    `yaml:"helo"`
		Host     string    `yaml:"host"`
		MailFrom string    `yaml:"mailfrom"`
		Result   yaml.Node `yaml:"result"`
	} `yaml:"tests"`
	Zone map[string][]yaml.Node `yaml:"zonedata"`
}

// TestSPFSuite runs every case of the suite for RFC 7208.
func TestSPFSuite(t *testing.T) {
	cases := 0
	for _, suite := range documents[spfSuite](t, filepath.Join(corpora(t), "spf-rfc7208", "rfc7208-tests.yml")) {
		resolver := zone(t, suite)
		for name, c := range suite.Tests {
			cases++
			t.Run(suite.Description+"/"+name, func(t *testing.T) {
				got := CheckSPF(t.Context(), Facts{IP: net.ParseIP(c.Host), Helo: c.Helo, Sender: c.MailFrom}, resolver)
				require.Contains(t, words(c.Result), string(got))
			})
		}
	}
	require.Greater(t, cases, 150)
}

// words gives a scalar or a list.
func words(n yaml.Node) (list []string) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	for _, c := range n.Content {
		list = append(list, c.Value)
	}
	return list
}

// zone makes a resolver of a scenario's records.
func zone(t *testing.T, suite spfSuite) *names {
	t.Helper()
	z := &names{txt: map[string][]string{}, mx: map[string][]*net.MX{}, ip: map[string][]net.IPAddr{}, ptr: map[string][]string{}, slow: map[string]bool{}, alias: map[string]string{}}
	for name, records := range suite.Zone {
		name = strings.ToLower(name)
		hasTXT := false
		var spf []string
		for _, r := range records {
			if r.Kind == yaml.ScalarNode {
				z.slow[name] = z.slow[name] || r.Value == "TIMEOUT"
				continue
			}
			kind, value := r.Content[0].Value, r.Content[1]
			switch kind {
			case "TXT":
				hasTXT = true
				if value.Value != "NONE" {
					z.txt[name] = append(z.txt[name], strings.Join(words(*value), ""))
				}
			case "SPF":
				spf = append(spf, strings.Join(words(*value), ""))
			case "TIMEOUT":
				z.slow[name] = true
			case "CNAME":
				z.alias[name] = strings.ToLower(value.Value)
			case "MX":
				z.mx[name] = append(z.mx[name], &net.MX{Host: value.Content[1].Value, Pref: 10})
			case "A", "AAAA":
				z.ip[name] = append(z.ip[name], net.IPAddr{IP: net.ParseIP(value.Value)})
			case "PTR":
				z.ptr[address(t, name)] = append(z.ptr[address(t, name)], value.Value)
			}
		}
		if !hasTXT && !z.slow[name] { // the suite was made for two types of records
			z.txt[name] = append(z.txt[name], spf...)
		}
	}
	return z
}

// address turns the name of a reverse record into the address.
func address(t *testing.T, name string) string {
	t.Helper()
	labels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(name, ".in-addr.arpa"), ".ip6.arpa"), ".")
	var b strings.Builder
	for i := len(labels) - 1; i >= 0; i-- {
		b.WriteString(labels[i])
		if strings.HasSuffix(name, ".in-addr.arpa") && i > 0 {
			b.WriteByte('.')
		}
		if n := len(labels) - i; strings.HasSuffix(name, ".ip6.arpa") && n%4 == 0 && i > 0 {
			b.WriteByte(':')
		}
	}
	ip := net.ParseIP(b.String())
	require.NotNil(t, ip, name)
	return ip.String()
}

// names is a resolver of fixed records; it counts what it was asked.
type names struct {
	txt   map[string][]string
	mx    map[string][]*net.MX
	ip    map[string][]net.IPAddr
	ptr   map[string][]string
	slow  map[string]bool
	alias map[string]string
	asked atomic.Int64 // signatures are verified side by side
}

func look[T any](n *names, table map[string][]T, name string) ([]T, error) {
	n.asked.Add(1)
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if target, ok := n.alias[name]; ok {
		name = target
	}
	if list := table[name]; len(list) > 0 {
		return list, nil
	}
	if n.slow[name] {
		return nil, &net.DNSError{Err: "timeout", Name: name, IsTimeout: true, IsTemporary: true}
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (n *names) LookupTXT(_ context.Context, name string) ([]string, error) {
	return look(n, n.txt, name)
}

func (n *names) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return look(n, n.mx, name)
}

func (n *names) LookupAddr(_ context.Context, a string) ([]string, error) { return look(n, n.ptr, a) }

func (n *names) LookupIPAddr(_ context.Context, h string) ([]net.IPAddr, error) {
	return look(n, n.ip, h)
}
