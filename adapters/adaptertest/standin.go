package adaptertest

import (
	"fmt"
	"net/http"
	"sync"
)

// Fault is a wrong answer of a stand-in. What was asked for is done unless Before says that the fault comes first.
type Fault struct {
	Before bool
	Status int    // 0: 200
	Body   string // instead of the answer
	Header map[string]string
	Cut    bool // the answer breaks off in the middle
	Drop   bool // the connection ends without an answer
}

// Answer gives the wrong answer in the place of a good one.
func (f *Fault) Answer(w http.ResponseWriter, good []byte) {
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Cut:
		w.Header().Set("Content-Length", fmt.Sprint(len(good)+10))
		_, _ = w.Write(good[:len(good)/2])
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	}
}

// StandIn is what stand-ins for carriers have in common, whatever they speak: files, faults, and word of what happens. The zero value is ready.
type StandIn struct {
	News

	mu    sync.Mutex
	files map[string][]byte
	fault func(what string) *Fault
}

// Misbehave has each call answered by what f says of it; nil is a good answer.
func (s *StandIn) Misbehave(f func(what string) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Fault is the wrong answer that a call is to get, nil for a good one.
func (s *StandIn) Fault(what string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		return nil
	}
	return s.fault(what)
}

// Add gives a file to be fetched.
func (s *StandIn) Add(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string][]byte{}
	}
	s.files[name] = data
}

// File is a file that was added.
func (s *StandIn) File(name string) (data []byte, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, there = s.files[name]
	return data, there
}

// News lets a test wait for what happens instead of sleeping. The zero value is ready.
type News struct {
	mu   sync.Mutex
	next chan struct{} // closed by the next ring; nil while nobody waits
}

// Ring wakes all who wait.
func (n *News) Ring() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}

// Next is closed when the next thing happens. Who asks for it before he looks misses nothing.
func (n *News) Next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = make(chan struct{})
	}
	return n.next
}

// Await waits until holds holds, which is asked again after each thing that happens.
func (n *News) Await(holds func() bool) {
	for {
		next := n.Next()
		if holds() {
			return
		}
		<-next
	}
}
