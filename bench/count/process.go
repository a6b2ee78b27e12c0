package count

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU time in /proc; USER_HZ is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// CPU is the user and system time that a process has used, its threads included.
func CPU(pid int) (time.Duration, error) {
	s, err := stat(pid)
	return s.own, err
}

// CPUOfTree is CPU of a process, of its children that live and of those that have ended, without the one left out (0: none).
func CPUOfTree(pid, without int) (time.Duration, error) {
	root, err := stat(pid)
	if err != nil {
		return 0, err
	}
	sum := root.own + root.ended
	children, err := children(pid)
	for _, child := range children {
		if child.pid != without {
			sum += child.own + child.ended
		}
	}
	return sum, err
}

// Memory is the resident memory of one process in bytes.
func Memory(pid int) (int64, error) { return field(filepath.Join(proc(pid), "status"), "VmRSS:") }

// Anonymous is the part of a process's resident memory that is no file's: what it has written itself. The pages of the program that happen to be in memory do not count.
func Anonymous(pid int) (int64, error) { return field(filepath.Join(proc(pid), "status"), "RssAnon:") }

// MemoryOfTree is the memory of a process and its children in bytes, what they share among themselves counted once.
func MemoryOfTree(pid int) (int64, error) {
	sum, err := field(filepath.Join(proc(pid), "smaps_rollup"), "Pss:")
	if err != nil {
		return 0, err
	}
	children, err := children(pid)
	for _, child := range children {
		of, gone := field(filepath.Join(proc(child.pid), "smaps_rollup"), "Pss:")
		if gone == nil {
			sum += of
		}
	}
	return sum, err
}

// usage is one line of /proc/PID/stat.
type usage struct {
	pid, parent int
	own, ended  time.Duration // CPU time of the process; of its children that have ended and were waited for
}

func stat(pid int) (usage, error) {
	line, err := os.ReadFile(filepath.Join(proc(pid), "stat"))
	if err != nil {
		return usage{}, err
	}
	// The name stands in brackets and may hold anything; what follows is separated by blanks (proc(5)).
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	if end < 0 || len(fields) < 15 {
		return usage{}, fmt.Errorf("/proc/%d/stat is not as expected: %q", pid, line)
	}
	number := func(n int) int {
		v, _ := strconv.Atoi(fields[n]) // the kernel writes numbers here
		return v
	}
	ticks := func(n int) time.Duration { return time.Duration(number(n)) * clockTick }
	return usage{pid: pid, parent: number(1), own: ticks(11) + ticks(12), ended: ticks(13) + ticks(14)}, nil
}

// children are the processes whose parent the process is.
func children(pid int) ([]usage, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []usage
	for _, e := range entries {
		of, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		s, err := stat(of)
		if errors.Is(err, fs.ErrNotExist) || err == nil && s.parent != pid {
			continue
		}
		if err == nil {
			found = append(found, s)
		}
	}
	return found, nil
}

// field reads a line like "VmRSS:  123 kB".
func field(path, name string) (int64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == name {
			kilobytes, err := strconv.ParseInt(words[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no line %s", path, name)
}

func proc(pid int) string { return filepath.Join("/proc", strconv.Itoa(pid)) }

// Load is the machine's load average of the last minute, as the kernel says it.
func Load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}
