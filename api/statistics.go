package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/metrics"
)

// LiveFigures is how the house stands now.
type LiveFigures struct {
	At     time.Time     `json:"at" doc:"the figures tell everything that was committed before this moment"`
	Hours  int           `json:"hours" doc:"the sums are those of so many whole hours and the present one"`
	Queues []LiveQueue   `json:"queues" nullable:"false"`
	Agents []AgentsState `json:"agents" nullable:"false"`
}

// LiveQueue is one channel of one queue.
type LiveQueue struct {
	Queue             string     `json:"queue"`
	Group             string     `json:"group"`
	Channel           string     `json:"channel"`
	Waiting           int        `json:"waiting" doc:"tasks to handle that nobody has"`
	Offered           int        `json:"offered"`
	Held              int        `json:"held"`
	Snoozed           int        `json:"snoozed"`
	OnHold            int        `json:"on_hold"`
	Reviews           int        `json:"reviews" doc:"replies that wait for a reviewer"`
	OldestAt          *time.Time `json:"oldest_at,omitempty"`
	OldestWaitSeconds float64    `json:"oldest_wait_seconds"`
	Received          int64      `json:"received"`
	OfferedToPeople   int64      `json:"offered_to_people"`
	Taken             int64      `json:"taken"`
	Handled           int64      `json:"handled"`
	Abandoned         int64      `json:"abandoned"`
	ServiceLevel      *float64   `json:"service_level,omitempty" doc:"share of those taken that were taken in time; absent when none was"`
	MeanWaitSeconds   float64    `json:"mean_wait_seconds"`
	Surveyed          int64      `json:"surveyed" doc:"customers who were asked how it was"`
	Rated             int64      `json:"rated" doc:"of those, who answered"`
	Score             *float64   `json:"score,omitempty" doc:"mean score of the answers, 0 to 100"`
}

// AgentsState is how many agents of a group are in a state.
type AgentsState struct {
	Group  string `json:"group" doc:"empty: everybody"`
	State  string `json:"state" doc:"ready, or why not"`
	Agents int    `json:"agents"`
}

func liveView(live interaction.Live, hours int) LiveFigures {
	return LiveFigures{live.At, hours, each(live.Queues, liveQueueView), each(live.States, func(s interaction.LiveState) AgentsState { return AgentsState(s) })}
}

func liveQueueView(q interaction.LiveQueue) LiveQueue {
	taken := q.Sums[interaction.FactTaken]
	v := LiveQueue{
		Queue: q.Queue, Group: q.Group, Channel: string(q.Channel), Waiting: q.Tasks[interaction.TaskQueued], Offered: q.Tasks[interaction.TaskOffered],
		Held: q.Tasks[interaction.TaskHeld], Snoozed: q.Tasks[interaction.TaskSnoozed], OnHold: q.Tasks[interaction.TaskSuspended], Reviews: q.Reviews,
		OldestAt: moment(q.Oldest), Received: q.Sums[interaction.FactReceived].Count, OfferedToPeople: q.Sums[interaction.FactOffered].Count, Taken: taken.Count,
		Handled: q.Sums[interaction.FactHandled].Count, Abandoned: q.Sums[interaction.FactAbandoned].Count, ServiceLevel: share(taken.Flagged, taken.Count),
	}
	rated := q.Sums[interaction.FactRated]
	v.Surveyed, v.Rated = q.Sums[interaction.FactSurveyed].Count, rated.Count
	if scored := rated.Count - rated.Flagged; scored > 0 {
		mean := rated.Seconds / float64(scored)
		v.Score = &mean
	}
	if !q.Oldest.IsZero() {
		v.OldestWaitSeconds = max(0, clock().Sub(q.Oldest).Seconds())
	}
	if taken.Count > 0 {
		v.MeanWaitSeconds = taken.Seconds / float64(taken.Count)
	}
	return v
}

// share of a whole; absent where there is none.
func share(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	s := float64(part) / float64(whole)
	return &s
}

// LiveInput says how far back the sums go.
type LiveInput struct {
	Hours int `query:"hours" minimum:"0" maximum:"48" default:"24"`
}

// LiveOutput is how the house stands now.
type LiveOutput struct{ Body LiveFigures }

func (s *server) liveFigures(ctx context.Context, in *LiveInput) (*LiveOutput, error) {
	live, err := s.Live(ctx, actorOf(ctx), in.Hours)
	if err != nil {
		return nil, err
	}
	return &LiveOutput{liveView(live, in.Hours)}, nil
}

// streamHours is how far the sums of the stream go back.
const streamHours = 24

// streamFigures sends the real-time figures as server-sent events: now, and whenever they have changed, at most once a second.
func (s *server) streamFigures(c *gin.Context) error {
	ctx := c.Request.Context()
	token := actorOf(ctx).Token
	me, err := s.stream.join(token)
	if err != nil {
		return err
	}
	defer s.stream.leave(me)
	live, err := s.Live(ctx, actorOf(ctx), streamHours)
	if err != nil {
		return err
	}
	c.Writer.Header().Set("Content-Type", "text/event-stream")
	c.Writer.Header().Set("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	out := &eventWriter{c: c, control: http.NewResponseController(c.Writer)}
	if out.send(reconnectMsg) != nil {
		return nil
	}
	s.followFigures(ctx, out, token, live)
	return nil
}

// followFigures sends until the client, the token or the database is gone.
func (s *server) followFigures(ctx context.Context, out *eventWriter, token interaction.ID, live interaction.Live) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last string
	for {
		now, err := json.Marshal(stable(liveView(live, streamHours)))
		if err != nil {
			return
		}
		if string(now) == last {
			err = out.beat()
		} else {
			whole, bad := json.Marshal(liveView(live, streamHours))
			if bad != nil {
				return
			}
			err = out.send("data: " + string(whole) + "\n\n")
		}
		if err != nil {
			return
		}
		last = string(now)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		actor, good, err := s.stream.actor(ctx, s.Store, token)
		if err != nil || !good {
			return
		}
		if live, err = s.Live(ctx, actor, streamHours); err != nil {
			return
		}
	}
}

// stable is the figures without what changes by time alone.
func stable(f LiveFigures) LiveFigures {
	f.At = time.Time{}
	for n := range f.Queues {
		f.Queues[n].OldestWaitSeconds = 0
	}
	return f
}

// metrics answers Prometheus with the queues that the token may know of.
func (s *server) metrics(c *gin.Context) error {
	ctx := c.Request.Context()
	live, err := s.Live(ctx, actorOf(ctx), 0)
	if err != nil {
		return err
	}
	drift, err := s.ToldDrift(ctx)
	if err != nil {
		return err
	}
	metrics.Handler(live, drift, float64(clock().UnixMilli())/1000).ServeHTTP(c.Writer, c.Request)
	return nil
}
