package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// RunInfo is the content of $PARLEY_HOME/run.json. A pid of 0 means not running; the ports stay, so that the next start
// takes the same ones.
type RunInfo struct {
	Parley   ParleyInfo   `json:"parley"`
	Temporal TemporalInfo `json:"temporal"`
	Postgres PostgresInfo `json:"postgres"`
}

// ParleyInfo is this process: HTTP and SMTP as host:port, Port the one of HTTP.
type ParleyInfo struct {
	PID      int    `json:"pid"`
	Port     int    `json:"port,omitempty"`
	SMTPPort int    `json:"smtp_port,omitempty"`
	HTTP     string `json:"http,omitempty"`
	SMTP     string `json:"smtp,omitempty"`
}

// TemporalInfo is the private Temporal: Port the one of the frontend.
type TemporalInfo struct {
	PID    int `json:"pid"`
	Port   int `json:"port,omitempty"`
	UIPort int `json:"ui_port,omitempty"`
}

// PostgresInfo is the private PostgreSQL: PID of its postmaster.
type PostgresInfo struct {
	PID  int    `json:"pid"`
	Port int    `json:"port,omitempty"`
	Data string `json:"data,omitempty"`
}

// ReadRunInfo reads run.json of a home. A home that never ran gives the zero value.
func ReadRunInfo(home string) (RunInfo, error) {
	var info RunInfo
	path := filepath.Join(home, "run.json")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(content, &info); err != nil {
		return info, fmt.Errorf("%s: %w: remove the file if nothing runs", path, err)
	}
	return info, nil
}

// runFile is run.json while we run: written as a whole and renamed, so that a reader never sees half of it.
type runFile struct {
	path string
	mu   sync.Mutex
	info RunInfo
}

func openRunFile(home string) (*runFile, error) {
	info, err := ReadRunInfo(home)
	return &runFile{path: filepath.Join(home, "run.json"), info: info}, err
}

func (f *runFile) read() RunInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.info
}

func (f *runFile) update(change func(*RunInfo)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.info)
	content, err := json.MarshalIndent(f.info, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(f.path, append(content, '\n'), 0o644)
}

// writeFile replaces a file as a whole.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
