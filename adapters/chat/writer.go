package chat

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"parley/interaction"
)

// Bounds of the writer.
const (
	shards     = 2                       // transactions at once; a session always belongs to the same
	maxBatch   = 256                     // posts of one transaction
	maxWaiting = 8192                    // posts of one shard that may wait; more are asked to come again
	postTime   = 4500 * time.Millisecond // that a transaction may take

	// A busy shard waits a little for more to share a commit with; one that is not does not.
	busyRate    = 100.0 // posts a second
	goodBatch   = 6
	longestWait = 20 * time.Millisecond
)

// writer makes messages durable: it takes all that waits, of whatever connection, into one transaction. An answer is given to each
// post, in the order of the posts of its session.
type writer struct {
	store interaction.ChatStore
	log   *slog.Logger
	seed  maphash.Seed
	part  [shards]shard
}

type shard struct {
	mu      sync.Mutex
	waiting []waitingPost
	closed  bool
	bell    chan struct{}

	rate float64 // posts a second, smoothed
	last time.Time
}

type waitingPost struct {
	post   interaction.ChatPost
	answer func(interaction.ChatPosted)
}

func newWriter(store interaction.ChatStore, log *slog.Logger) *writer {
	w := &writer{store: store, log: log, seed: maphash.MakeSeed()}
	for n := range w.part {
		w.part[n].bell = make(chan struct{}, 1)
	}
	return w
}

// post has the post written; answer is called once, from another goroutine, and must not block.
func (w *writer) post(p interaction.ChatPost, answer func(interaction.ChatPosted)) {
	s := &w.part[maphash.String(w.seed, string(p.Session))%shards]
	s.mu.Lock()
	full := len(s.waiting) >= maxWaiting
	if !full && !s.closed {
		s.waiting = append(s.waiting, waitingPost{p, answer})
	}
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		answer(interaction.ChatPosted{Err: interaction.Unavailable("restarting", nil)})
	case full:
		answer(interaction.ChatPosted{Err: slowDown(5)})
	default:
		s.ring()
	}
}

func (s *shard) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// run writes until the context ends; what waits then is written still.
func (w *writer) run(ctx context.Context) {
	var wg sync.WaitGroup
	for n := range w.part {
		wg.Go(func() { w.runShard(ctx, &w.part[n]) })
	}
	wg.Wait()
}

func (w *writer) runShard(ctx context.Context, s *shard) {
	for {
		select {
		case <-ctx.Done():
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
			for batch := s.take(); len(batch) > 0; batch = s.take() {
				w.write(ctx, batch)
			}
			return
		case <-s.bell:
		}
		if wait := s.linger(); wait > 0 {
			time.Sleep(wait)
		}
		if batch := s.take(); len(batch) > 0 {
			w.write(ctx, batch)
		}
	}
}

// linger says how long it pays to wait for more.
func (s *shard) linger() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate < busyRate || len(s.waiting) >= goodBatch {
		return 0
	}
	return min(longestWait, time.Duration(float64(goodBatch-len(s.waiting))/s.rate*float64(time.Second)))
}

// take gives all that waits, at most one batch, and rings again for the rest.
func (s *shard) take() []waitingPost {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting[:min(len(s.waiting), maxBatch)]
	if s.waiting = s.waiting[len(batch):]; len(s.waiting) == 0 {
		s.waiting = nil
	} else {
		s.ring()
	}
	now := time.Now()
	if d := now.Sub(s.last).Seconds(); d > 0 {
		weight := min(1, d/0.5) // half a second is remembered
		s.rate = s.rate*(1-weight) + float64(len(batch))/d*weight
	}
	s.last = now
	return batch
}

// write makes the posts of a batch durable and answers them. When the store is away none was written, and each is told to come again
// under its client id: should the commit have happened after all, that gives the first answer.
func (w *writer) write(ctx context.Context, batch []waitingPost) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTime)
	defer cancel()
	posts := make([]interaction.ChatPost, len(batch))
	for n, b := range batch {
		posts[n] = b.post
	}
	posted, err := w.store.PostChats(ctx, posts)
	if err != nil {
		w.log.Warn("messages not written", "adapter", "chat", "posts", len(posts), "error", err)
	}
	for n, b := range batch {
		if err != nil {
			b.answer(interaction.ChatPosted{Err: err})
			continue
		}
		b.answer(posted[n])
	}
}
