package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"parley/interaction"
	classify "parley/lib/text"
)

// Training is one training with how far it has come.
type Training struct {
	ID       interaction.ID `json:"id"`
	Language string         `json:"language"`
	Profile  string         `json:"profile"`
	Sets     []string       `json:"sets" nullable:"false"`
	Labels   bool           `json:"labels"`
	Handled  bool           `json:"handled"`
	State    string         `json:"state" enum:"queued,gathered,judged,done,failed,cancelled"`
	Texts    int            `json:"texts" doc:"that it learns from; 0 before they are gathered"`
	Done     int            `json:"done" doc:"parts of the work of this state"`
	Of       int            `json:"of"`
	Reason   string         `json:"reason,omitempty" doc:"why it failed"`
	ModelID  interaction.ID `json:"model_id,omitempty"`
	AgentID  interaction.ID `json:"agent_id,omitempty"`
	At       time.Time      `json:"at"`
	EndedAt  *time.Time     `json:"ended_at,omitempty"`
}

func trainingView(r interaction.TrainingRun) Training {
	return Training{
		r.ID, r.Language, r.Profile, same(r.Sets), r.Labels, r.Handled, string(r.State), r.Texts, r.Done, r.Of, r.Reason, r.Model, r.Agent, r.At, moment(r.Ended),
	}
}

// TrainingOutput is one training.
type TrainingOutput struct {
	Body Training
}

// TrainingInput asks for a model.
type TrainingInput struct {
	Body struct {
		Language string   `json:"language" pattern:"^[a-z]{2,3}$"`
		Sets     []string `json:"sets,omitempty" maxItems:"50" doc:"uploaded sets of that language"`
		Labels   bool     `json:"labels,omitempty" doc:"learn also from the messages whose category people have changed"`
		Handled  bool     `json:"handled,omitempty" doc:"learn also from the interactions that people answered and whose category nobody has doubted"`
		Profile  string   `json:"profile,omitempty" enum:"accurate,fast" doc:"accurate when left out"`
	}
}

func (s *server) startTraining(ctx context.Context, in *TrainingInput) (*TrainingOutput, error) {
	if len(in.Body.Sets) == 0 && !in.Body.Labels && !in.Body.Handled {
		return nil, interaction.Invalid("nothing_to_learn", "sets", "names uploaded sets, or labels or handled is true: a model learns from something")
	}
	n := interaction.NewTraining{
		Language: in.Body.Language, Sets: in.Body.Sets, Labels: in.Body.Labels, Handled: in.Body.Handled, Profile: cmp.Or(in.Body.Profile, string(classify.Accurate)),
	}
	r, err := s.StartTraining(ctx, actorOf(ctx), n)
	if err != nil {
		return nil, err
	}
	return &TrainingOutput{trainingView(r)}, nil
}

func (s *server) listTrainings(ctx context.Context, _ *struct{}) (*List[Training], error) {
	found, err := s.Trainings(ctx)
	if err != nil {
		return nil, err
	}
	return whole(found, trainingView), nil
}

func (s *server) getTraining(ctx context.Context, in *ByID) (*TrainingOutput, error) {
	id, err := pathID(in.ID, "training")
	if err != nil {
		return nil, err
	}
	r, err := s.Training(ctx, id)
	if err != nil {
		return nil, err
	}
	return &TrainingOutput{trainingView(r)}, nil
}

func (s *server) cancelTraining(ctx context.Context, in *ByID) (*TrainingOutput, error) {
	id, err := pathID(in.ID, "training")
	if err != nil {
		return nil, err
	}
	r, err := s.CancelTraining(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &TrainingOutput{trainingView(r)}, nil
}

// compared puts the categories of two reports side by side.
func compared(a, b classify.Report) []CategoryCompared {
	rows := map[string]*CategoryCompared{}
	of := func(name string) *CategoryCompared {
		if rows[name] == nil {
			rows[name] = &CategoryCompared{Category: name}
		}
		return rows[name]
	}
	for _, c := range a.Categories {
		row := of(c.Category)
		row.F1 = &c.F1
		row.Difference += c.F1
	}
	for _, c := range b.Categories {
		row := of(c.Category)
		row.WithF1 = &c.F1
		row.Difference -= c.F1
	}
	list := make([]CategoryCompared, 0, len(rows))
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, *rows[name])
	}
	slices.SortStableFunc(list, func(a, b CategoryCompared) int { return cmp.Compare(a.Difference, b.Difference) })
	return list
}
