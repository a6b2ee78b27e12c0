package stack

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long processes of a killed postmaster are left to notice it by themselves, and then to heed SIGQUIT. Most go at once; one that is inside
// a long write goes when it is over.
const (
	noticeLimit = 2 * time.Second
	quitLimit   = 2 * time.Second
)

// endLeftovers ends the server processes that a killed postmaster left on its data directory: as long as one lives, its shared memory keeps a new
// postmaster out. What they had not committed is undone by the recovery that follows.
func endLeftovers(ctx context.Context, data string) {
	for _, step := range []signalStep{{0, noticeLimit}, {syscall.SIGQUIT, quitLimit}, {syscall.SIGKILL, quitLimit}} {
		pids := serversIn(data)
		if step.signal != 0 {
			for _, pid := range pids {
				_ = syscall.Kill(pid, step.signal) // gone meanwhile: so much the better
			}
		}
		waiting, cancel := context.WithTimeout(ctx, step.wait)
		for len(pids) > 0 && waiting.Err() == nil {
			wait(waiting, 20*time.Millisecond)
			pids = serversIn(data)
		}
		cancel()
		if len(pids) == 0 {
			return
		}
	}
}

// serversIn finds PostgreSQL's processes whose working directory is the data directory, which is where every one of them runs. Where the system has no /proc it
// finds none, and a new postmaster is kept out until they have gone by themselves.
func serversIn(data string) []int {
	if resolved, err := filepath.EvalSymlinks(data); err == nil {
		data = resolved
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var pids []int
	for _, link := range links {
		if where, err := os.Readlink(link); err != nil || where != data {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && strings.HasPrefix(commandLineOf(pid), "postgres") {
			pids = append(pids, pid)
		}
	}
	return pids
}
