package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's command blocks run as written, in their order: the one that stands Parley up, the one that plays the demo against it, and
// the one that runs the tests, which is what the continuous integration runs and this test is a part of.
func TestTheReadmesCommandsRunAsWritten(t *testing.T) {
	needStack(t)
	blocks := commandBlocks(t, filepath.Join(source, "README.md"))
	require.Equal(t, []string{"make run", "make demo", "make test"}, blocks, "a block that no test runs")

	ci, err := os.ReadFile(filepath.Join(source, ".ci", "run"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^make test$`, string(ci))

	p := bareProduct(t)
	env := append(os.Environ(), "PARLEY_HOME="+p.home, "PARLEY_HTTP="+p.http, "PARLEY_SMTP="+p.smtp,
		"PARLEY_DATABASE_URL=", "TEMPORAL_ADDRESS=", "PARLEY_ROLE=", "PARLEY_SMARTHOST=")
	run := exec.Command("sh", "-ec", blocks[0]) // it ends by the signal below
	run.Dir, run.Env = source, env
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &strings.Builder{}
	run.Stdout, run.Stderr = out, out
	require.NoError(t, run.Start())
	defer func() { _ = syscall.Kill(-run.Process.Pid, syscall.SIGINT) }() // whatever happens: what make has started holds run's output open
	p.command, p.ended = run, make(chan struct{})
	go func() {
		defer close(p.ended)
		_ = run.Wait() // how it ended is in what it said
	}()
	p.ready()

	demo := exec.CommandContext(t.Context(), "sh", "-ec", blocks[1])
	demo.Dir, demo.Env = source, env
	said, err := demo.CombinedOutput()
	require.NoError(t, err, string(said))
	p.showsWorkflows()

	require.NoError(t, syscall.Kill(-run.Process.Pid, syscall.SIGINT)) // Ctrl-C
	<-p.ended
	require.Contains(t, out.String(), "Parley is up.")
}

// showsWorkflows checks that Temporal's Web UI is there, that the front page leads to it, and that it shows the demo's workflows.
func (p *product) showsWorkflows() {
	p.t.Helper()
	ui := fmt.Sprintf("http://127.0.0.1:%d", p.pids().Temporal.UIPort)
	require.Contains(p.t, p.read("http://"+p.http+"/"), ui)
	require.Contains(p.t, strings.ToLower(p.read(ui+"/")), "<!doctype html>")
	require.Contains(p.t, p.read(ui+"/api/v1/namespaces/parley/workflows"), `"Email"`)
}

// read gives a page.
func (p *product) read(address string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, nil)
	require.NoError(p.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, answer.StatusCode, address)
	return string(content)
}

// commandBlocks gives the code blocks of a page that name no language: those are commands.
func commandBlocks(t *testing.T, path string) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "" {
			blocks = append(blocks, strings.TrimSpace(block[2]))
		}
	}
	return blocks
}
