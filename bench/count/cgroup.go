package count

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Group is a control group of Linux with a limit on memory: what is started inside of it, and all its children, share that much, file cache
// included, and are killed beyond.
type Group struct {
	directory string
	v2        bool
}

// NewGroup makes a group; the error says why this machine allows none.
func NewGroup(name string, limit int64) (*Group, error) {
	g := &Group{directory: filepath.Join("/sys/fs/cgroup/memory", name)}
	if controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control"); err == nil && strings.Contains(string(controllers), "memory") {
		g = &Group{directory: filepath.Join("/sys/fs/cgroup", name), v2: true}
	}
	if err := os.Mkdir(g.directory, 0o755); err != nil {
		return nil, fmt.Errorf("make a control group: %w", err)
	}
	if err := g.write(g.either("memory.limit_in_bytes", "memory.max"), strconv.FormatInt(limit, 10)); err != nil {
		return nil, errors.Join(err, os.Remove(g.directory))
	}
	return g, nil
}

// Inside runs fn, which starts processes, with this process in the group; they stay there.
func (g *Group) Inside(fn func() error) error {
	self := strconv.Itoa(os.Getpid())
	if err := g.write("cgroup.procs", self); err != nil {
		return err
	}
	err := fn()
	return errors.Join(err, os.WriteFile(filepath.Join(filepath.Dir(g.directory), "cgroup.procs"), []byte(self), 0o644))
}

// Most is the most memory that the group has used, in bytes.
func (g *Group) Most() (int64, error) {
	content, err := os.ReadFile(filepath.Join(g.directory, g.either("memory.max_usage_in_bytes", "memory.peak")))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
}

// Killed tells how many of its processes were killed for want of memory.
func (g *Group) Killed() (int, error) {
	content, err := os.ReadFile(filepath.Join(g.directory, g.either("memory.oom_control", "memory.events")))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strconv.Atoi(strings.TrimSpace(n))
		}
	}
	return 0, nil
}

// Remove removes the group; nothing may run in it any more.
func (g *Group) Remove() error { return os.Remove(g.directory) }

func (g *Group) either(v1, v2 string) string {
	if g.v2 {
		return v2
	}
	return v1
}

func (g *Group) write(name, value string) error {
	return os.WriteFile(filepath.Join(g.directory, name), []byte(value), 0o644)
}
