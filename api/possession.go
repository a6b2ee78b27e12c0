package api

import (
	"context"
	"time"

	"parley/interaction"
)

// HeldTask is a task that who asks holds from now on.
type HeldTask struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Task
}

func held(t interaction.Task) *HeldTask {
	return &HeldTask{etag(t.Version), "/v1/tasks/" + string(t.ID), taskView(t)}
}

// taken answers with a task that was got, or says why not.
func taken(t interaction.Task, err error) (*HeldTask, error) {
	if err != nil {
		return nil, err
	}
	return held(t), nil
}

// ClaimNextInput asks for the most urgent task that suits.
type ClaimNextInput struct {
	Body *struct {
		Queue string `json:"queue,omitempty" maxLength:"100" doc:"of this queue only"`
	} `required:"false"`
}

func (s *server) claimNext(ctx context.Context, in *ClaimNextInput) (*HeldTask, error) {
	queue := ""
	if in.Body != nil {
		queue = in.Body.Queue
	}
	return taken(s.ClaimNext(ctx, actorOf(ctx), queue))
}

func (s *server) claim(ctx context.Context, in *ByID) (*HeldTask, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	return taken(s.Claim(ctx, actorOf(ctx), id))
}

func (s *server) accept(ctx context.Context, in *ByID) (*HeldTask, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	return taken(s.AcceptOffer(ctx, actorOf(ctx), id))
}

func (s *server) decline(ctx context.Context, in *ByID) (*noContent, error) {
	id, err := pathID(in.ID, "task")
	if err != nil {
		return nil, err
	}
	return nil, s.DeclineOffer(ctx, actorOf(ctx), id)
}

// TaskChange is the input of a command on a held task that has no body.
type TaskChange struct {
	ByID
	IfMatch
}

// target reads what a command on a task is about.
func target(id ByID, m IfMatch) (interaction.ID, int64, error) {
	task, err := pathID(id.ID, "task")
	if err != nil {
		return "", 0, err
	}
	version, err := m.version()
	return task, version, err
}

func (s *server) release(ctx context.Context, in *TaskChange) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, s.Release(ctx, actorOf(ctx), id, version)
}

// TransferInput hands a held task on.
type TransferInput struct {
	ByID
	IfMatch
	Body struct {
		Queue   string `json:"queue,omitempty" maxLength:"100" doc:"either this"`
		AgentID string `json:"agent_id,omitempty" maxLength:"64" doc:"or this"`
		Note    string `json:"note,omitempty" maxLength:"2000" doc:"a word for who gets it"`
	}
}

func (s *server) transfer(ctx context.Context, in *TransferInput) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	if (in.Body.Queue == "") == (in.Body.AgentID == "") {
		return nil, interaction.Invalid("one_target", "queue", "give either queue or agent_id")
	}
	agent, err := optionalID("agent_id", in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	return nil, s.Transfer(ctx, actorOf(ctx), id, version, interaction.Transfer{Queue: in.Body.Queue, Agent: agent, Note: in.Body.Note})
}

// SnoozeInput puts a held task away.
type SnoozeInput struct {
	ByID
	IfMatch
	Body *struct {
		Until       *time.Time `json:"until,omitempty" doc:"until the customer writes when empty"`
		UntilAnswer *bool      `json:"until_answer,omitempty" doc:"true, or left out: the customer's answer ends it too; false: only the time does"`
	} `required:"false"`
}

// maxSnooze is how far ahead a task can be put away.
const maxSnooze = 366 * 24 * time.Hour

func (s *server) snooze(ctx context.Context, in *SnoozeInput) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	var until time.Time
	wakes := true
	if in.Body != nil && in.Body.UntilAnswer != nil {
		if wakes = *in.Body.UntilAnswer; !wakes && in.Body.Until == nil {
			return nil, interaction.Invalid("required", "until", "is required where the customer's answer does not end it")
		}
	}
	if in.Body != nil && in.Body.Until != nil {
		until = *in.Body.Until
		if ahead := until.Sub(clock()); ahead <= 0 || ahead > maxSnooze {
			return nil, interaction.Invalid("bad_time", "until", "is a time ahead, within a year")
		}
	}
	return nil, s.SnoozeUntil(ctx, actorOf(ctx), id, version, until, wakes)
}

// CompleteInput ends a held task without a reply.
type CompleteInput struct {
	ByID
	IfMatch
	Body *struct {
		Disposition string `json:"disposition,omitempty" pattern:"^[a-z0-9_]{1,60}$" patternDescription:"a code of a-z, 0-9 and _" doc:"of a handle or callback task: how it ended"`
		Answer      string `json:"answer,omitempty" maxLength:"100000" doc:"of a consult"`
		Outcome     string `json:"outcome,omitempty" enum:"sent,not_sent" doc:"of a settle task: what became of the message"`
	} `required:"false"`
}

func (s *server) complete(ctx context.Context, in *CompleteInput) (*noContent, error) {
	id, version, err := target(in.ByID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	var done interaction.Done
	if in.Body != nil {
		done = interaction.Done{Disposition: in.Body.Disposition, Answer: in.Body.Answer, Outcome: in.Body.Outcome}
	}
	return nil, s.Complete(ctx, actorOf(ctx), id, version, done)
}
