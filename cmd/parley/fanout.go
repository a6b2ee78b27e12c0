package main

import "sync"

// fanOut tells any number of listeners that something changed.
type fanOut struct {
	mu sync.Mutex
	ch chan struct{}
}

func newFanOut() *fanOut { return &fanOut{ch: make(chan struct{})} }

// Ring wakes everybody who waits.
func (f *fanOut) Ring() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.ch)
	f.ch = make(chan struct{})
}

// Changes gives a channel that is closed at the next change.
func (f *fanOut) Changes() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ch
}
