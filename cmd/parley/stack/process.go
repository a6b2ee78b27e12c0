package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// adoptedPoll is how often a process that is not our child is looked at; a child's end is told by the system.
const adoptedPoll = 200 * time.Millisecond

// maxLogSize is the size in bytes above which a child's log is moved aside when the child is started.
const maxLogSize = 16 << 20

// process is a running server: our child, or the child of a Parley before us.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // how it ended; set before done is closed; nil for an adopted one
}

// startProcess starts cmd in a process group of its own, with its output appended to log. The output is a file, not a
// pipe, because the child may outlive us.
func startProcess(cmd *exec.Cmd, log string, ephemeral bool) (*process, error) {
	output, err := openLog(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	cmd.Stdout, cmd.Stderr = output, output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if ephemeral {
		dieWithParent(cmd.SysProcAttr)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// adoptProcess watches a process that is not our child until its command line is no longer the given one.
func adoptProcess(pid int, commandLine string) *process {
	p := &process{pid: pid, done: make(chan struct{})}
	go func() {
		for commandLineOf(pid) == commandLine {
			time.Sleep(adoptedPoll)
		}
		close(p.done)
	}()
	return p
}

// orphan returns the process that a pid file names, if its command line shows that it is ours: it must hold the given
// words, one of which is a path inside our home. A pid that was given to a stranger since is never ours.
func orphan(pidFile string, words ...string) (pid int, commandLine string, found bool) {
	pid = pidIn(pidFile)
	if pid == 0 {
		return 0, "", false
	}
	commandLine = commandLineOf(pid)
	for _, word := range words {
		if !strings.Contains(commandLine, word) {
			return 0, "", false
		}
	}
	return pid, commandLine, commandLine != ""
}

// pidIn is the process id in the first line of a file; 0 if there is none that can be a server's.
func pidIn(path string) int {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// isZombie says whether a process has ended, but its parent has not asked how.
func isZombie(pid int) bool {
	return pid > 0 && commandLineOf(pid) == "" && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// commandLineOf is the command line of a process with blanks between its words; empty if there is no such process or it
// has ended and nobody has asked how.
func commandLineOf(pid int) string {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err == nil {
		return strings.TrimRight(strings.ReplaceAll(string(content), "\x00", " "), " ")
	}
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		return ""
	}
	output, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || strings.HasPrefix(string(output), "(") { // a zombie's is in brackets
		return ""
	}
	return strings.TrimSpace(string(output))
}

// signalStep is a signal and how long its effect is waited for.
type signalStep struct {
	signal syscall.Signal
	wait   time.Duration
}

// end sends the signals one after the other until the process has ended, and at last, or when ctx ends, SIGKILL.
func (p *process) end(ctx context.Context, steps ...signalStep) error {
	for _, step := range steps {
		if err := p.signal(step.signal); err != nil {
			return err
		}
		select {
		case <-p.done:
			return nil
		case <-ctx.Done():
		case <-time.After(step.wait):
		}
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// howItEnded is an error in any case; only to be called after done.
func (p *process) howItEnded() error {
	if p.err == nil {
		return errors.New("it ended")
	}
	return fmt.Errorf("it ended: %w", p.err)
}

func (p *process) signal(signal syscall.Signal) error {
	if err := syscall.Kill(p.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %v to process %d: %w", signal, p.pid, err)
	}
	return nil
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}

// logTail is the end of a log, for an error that a user has to understand.
func logTail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	const size = 600
	if len(content) > size {
		content = content[len(content)-size:]
	}
	return strings.TrimSpace(string(content))
}
