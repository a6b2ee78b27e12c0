package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// homeLock keeps a second Parley from the same home. The system drops it when the process ends, however it ends, and
// children do not inherit it.
type homeLock struct{ file *os.File }

func lockHome(home string) (*homeLock, error) {
	file, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock PARLEY_HOME: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		info, _ := ReadRunInfo(home) // only for the message
		return nil, errors.Join(
			fmt.Errorf("a parley (pid %d) already runs on %s: stop it, or set PARLEY_HOME to another directory", info.Parley.PID, home),
			file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock PARLEY_HOME %s: %w", home, err), file.Close())
	}
	return &homeLock{file: file}, nil
}

func (l *homeLock) release() error { return l.file.Close() }
