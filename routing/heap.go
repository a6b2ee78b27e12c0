package routing

// alarm is when a task's open links change.
type alarm struct {
	at     int64
	slot   int32
	number uint32
}

// hope is a match that may be possible: a task that changed (agent -1), or an agent who changed and the best task for him.
type hope struct {
	place entry
	agent int32
}

type (
	alarms []alarm
	hopes  []hope
)

func (h *alarms) push(a alarm) { push((*[]alarm)(h), a, earlier) }
func (h *alarms) pop() alarm   { return pop((*[]alarm)(h), earlier) }
func (h *hopes) push(x hope)   { push((*[]hope)(h), x, moreUrgent) }
func (h *hopes) pop() hope     { return pop((*[]hope)(h), moreUrgent) }

func earlier(a, b *alarm) bool   { return a.at < b.at }
func moreUrgent(a, b *hope) bool { return a.place.compare(&b.place) < 0 }

// push and pop are a binary heap without interfaces, so that nothing is allocated for a decision.
func push[T any](h *[]T, x T, less func(a, b *T) bool) {
	*h = append(*h, x)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !less(&s[i], &s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func pop[T any](h *[]T, less func(a, b *T) bool) T {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	var zero T
	s[last] = zero
	s = s[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if less(&s[child], &s[least]) {
				least = child
			}
		}
		if least == i {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*h = s
	return top
}
