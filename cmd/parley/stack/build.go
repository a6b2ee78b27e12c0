package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// programName is the program built from standalone/.
const programName = "parley-temporal"

// temporalBinary returns the program that runs Temporal: the one given, else one built from the sources, else one
// beside our own or on PATH.
func temporalBinary(ctx context.Context, opts Options) (string, error) {
	if opts.Binary != "" {
		path, err := filepath.Abs(opts.Binary)
		if err != nil {
			return "", err
		}
		_, err = os.Stat(path)
		return path, err
	}
	source := opts.Source
	if source == "" {
		source = FindSource()
	}
	if source != "" {
		return build(ctx, opts, source)
	}
	if own, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(own), programName); isProgram(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath(programName); err == nil {
		return filepath.Abs(path)
	}
	return "", errors.New("no Temporal: start parley inside its source tree, put " + programName +
		" on PATH, or set TEMPORAL_ADDRESS to a Temporal server that is there already")
}

// FindSource looks for Parley's source tree, from the working directory and then from our own program upwards. Empty if
// there is none.
func FindSource() string {
	var from []string
	if directory, err := os.Getwd(); err == nil {
		from = append(from, directory)
	}
	if own, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(own))
	}
	for _, directory := range from {
		for ; directory != filepath.Dir(directory); directory = filepath.Dir(directory) {
			content, err := os.ReadFile(filepath.Join(directory, "standalone", "go.mod"))
			if err == nil && bytes.HasPrefix(content, []byte("module parley/standalone\n")) {
				return directory
			}
		}
	}
	return ""
}

// build compiles standalone/ into bin/ unless that was done from the same sources. The name holds the hash of the
// sources, so a running program is never overwritten.
func build(ctx context.Context, opts Options, source string) (string, error) {
	module := filepath.Join(source, "standalone")
	stamp, err := sourceStamp(module)
	if err != nil {
		return "", fmt.Errorf("read the sources of Temporal's program: %w", err)
	}
	bin := filepath.Join(source, "bin")
	path := filepath.Join(bin, programName+"-"+stamp)
	if isProgram(path) {
		return path, nil
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	// Two clones do not meet here, two Parleys from one clone may: the second waits and finds it built.
	lock, err := os.OpenFile(filepath.Join(bin, "."+programName+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if isProgram(path) {
		return path, nil
	}
	return path, compile(ctx, opts, module, path)
}

func compile(ctx context.Context, opts Options, module, path string) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("go is not on PATH, it is needed once to build Temporal: see https://go.dev/doc/install")
	}
	opts.say("building Temporal into %s: about 8 minutes of CPU the first time on a machine, some seconds from a warm Go build cache", path)
	started := time.Now()
	stop := every(30*time.Second, func() { opts.say("still building Temporal, %s so far", time.Since(started).Round(time.Second)) })
	defer stop()
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", path+".new", ".")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build Temporal: %w:\n%s", err, bytes.TrimSpace(output))
	}
	older, err := filepath.Glob(filepath.Join(filepath.Dir(path), programName+"-*"))
	if err != nil {
		return err
	}
	for _, old := range older {
		if old != path+".new" {
			_ = os.Remove(old) // only space; a running one keeps running
		}
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	opts.say("built Temporal in %s", time.Since(started).Round(time.Second))
	return nil
}

// sourceStamp is a hash over the module's files.
func sourceStamp(module string) (string, error) {
	files, err := filepath.Glob(filepath.Join(module, "*"))
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	hash := sha256.New()
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasSuffix(name, "_test.go") || !strings.HasSuffix(name, ".go") && !strings.HasPrefix(name, "go.") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(hash, "%s %d\n", name, len(content)) // a hash takes everything
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// every calls do again and again until stop is called.
func every(interval time.Duration, do func()) (stop func()) {
	ticker := time.NewTicker(interval)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				do()
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }
}
