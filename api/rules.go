package api

import (
	"context"
	"errors"
	"time"

	"parley/interaction"
	"parley/lib/rules"
)

// Rules tells how screening rules go. Which there are is configuration.
type Rules interface {
	RuleHits(ctx context.Context, from, until time.Time) ([]interaction.RuleHits, error)
}

// TryInput is a message, stored or pasted, with the rules to be tried on it.
type TryInput struct {
	Body struct {
		Rules  []RuleSetup `json:"rules,omitempty" maxItems:"1000" doc:"to be tried as if they were enabled, each beside or instead of the stored one of its name; none: the stored ones as they are"`
		Alone  bool        `json:"alone,omitempty" doc:"without the stored rules"`
		Stored *struct {
			Interaction string `json:"interaction_id" maxLength:"36"`
			Number      int64  `json:"number,omitempty" minimum:"1" doc:"of the message; 1 when left out"`
		} `json:"stored,omitempty" doc:"a message that one may read"`
		Message *struct {
			Subject    string            `json:"subject,omitempty" maxLength:"2000"`
			Text       string            `json:"text,omitempty" maxLength:"1000000"`
			From       string            `json:"from,omitempty" maxLength:"320"`
			To         []string          `json:"to,omitempty" maxItems:"100"`
			Headers    map[string]string `json:"headers,omitempty"`
			EntryPoint string            `json:"entry_point,omitempty" maxLength:"100"`
			Language   string            `json:"language,omitempty" maxLength:"20"`
			Data       map[string]string `json:"data,omitempty" doc:"attached data; auth.spf, auth.dkim and auth.dmarc are what auth reads"`
		} `json:"message,omitempty" doc:"pasted, when none is stored"`
	}
}

// Tried is what rules would do with a message. Nothing is kept of it.
type Tried struct {
	Hits           []string          `json:"hits" nullable:"false" doc:"names of the rules that apply, in order"`
	Data           map[string]string `json:"data,omitempty" doc:"that would be attached"`
	Category       string            `json:"category,omitempty"`
	Priority       *int              `json:"priority,omitempty"`
	Language       string            `json:"language,omitempty"`
	Queue          string            `json:"queue,omitempty"`
	Spam           bool              `json:"spam"`
	NoAutoResponse bool              `json:"no_auto_response"`
	Stopped        bool              `json:"stopped" doc:"a rule kept those behind it from being looked at"`
	Endless        string            `json:"endless,omitempty" doc:"the rule that wanted all to be looked at again once too often"`
}

// TriedOutput is the answer to a try.
type TriedOutput struct {
	Body Tried
}

func (s *server) tryRules(ctx context.Context, in *TryInput) (*TriedOutput, error) {
	m, err := s.tryMaterial(ctx, in)
	if err != nil {
		return nil, err
	}
	var list []interaction.Rule
	if !in.Body.Alone {
		setup, err := s.Configuration(ctx)
		if err != nil {
			return nil, err
		}
		list = setup.Rules
	}
	tried := each(in.Body.Rules, RuleSetup.rule)
	for n := range tried {
		tried[n].Enabled = true
	}
	set, err := rules.CompileStored(interaction.MergeRules(list, tried))
	if err != nil {
		return nil, ruleFault(err)
	}
	out := set.Evaluate(rules.InputOf(m, m.Language))
	return &TriedOutput{Tried{
		same(out.Hits), out.Attach, out.Category, out.Priority, out.Language, out.Queue, out.Spam, out.NoAutoResponse, out.StopProcessing, out.Endless,
	}}, nil
}

func (s *server) tryMaterial(ctx context.Context, in *TryInput) (m interaction.Material, err error) {
	switch {
	case (in.Body.Stored == nil) == (in.Body.Message == nil):
		return m, interaction.Invalid("one_message", "stored", "and message: give one of them")
	case in.Body.Stored != nil:
		return s.storedMaterial(ctx, in.Body.Stored.Interaction, max(in.Body.Stored.Number, 1))
	}
	pasted := in.Body.Message
	m = interaction.Material{EntryPoint: pasted.EntryPoint, Language: pasted.Language, Data: pasted.Data}
	m.Message = interaction.Message{Subject: pasted.Subject, Text: pasted.Text, From: interaction.Address{Address: pasted.From}}
	for _, to := range pasted.To {
		m.Message.To = append(m.Message.To, interaction.Address{Address: to})
	}
	for name, value := range pasted.Headers {
		m.Message.Headers = append(m.Message.Headers, interaction.Header{Name: name, Value: value})
	}
	return m, nil
}

// storedMaterial gives a message with its surroundings, as far as the actor may read it.
func (s *server) storedMaterial(ctx context.Context, interactionID string, number int64) (m interaction.Material, err error) {
	id, err := pathID(interactionID, "interaction")
	if err != nil {
		return m, err
	}
	view, err := s.Interaction(ctx, actorOf(ctx), id)
	if err != nil {
		return m, err
	}
	m = interaction.Material{EntryPoint: view.EntryPoint, Language: view.Language, Category: view.Category, Data: view.Data, Contact: view.Contact}
	m.Message, err = s.InteractionMessage(ctx, actorOf(ctx), id, number)
	return m, err
}

// ruleFault names the part of a rule that is wrong and the byte of it.
func ruleFault(err error) error {
	var wrong *rules.Error
	if !errors.As(err, &wrong) {
		return interaction.Invalid("bad_rule", "rules", "cannot be read: %s", err)
	}
	return interaction.Invalid("bad_rule", "rules."+wrong.Path, "at byte %d: %s", wrong.Offset, wrong.Reason).
		With("rule", wrong.Rule).With("path", wrong.Path).With("offset", wrong.Offset)
}

// HitsInput is a time.
type HitsInput struct {
	From  time.Time `query:"from" doc:"30 days ago when left out"`
	Until time.Time `query:"until" doc:"now when left out"`
}

// settle fills in what was left out.
func (in *HitsInput) settle() error {
	if in.Until.IsZero() {
		in.Until = clock()
	}
	if in.From.IsZero() {
		in.From = in.Until.AddDate(0, 0, -30)
	}
	if !in.From.Before(in.Until) {
		return malformed("bad_time", "from", "is before until")
	}
	return nil
}

// RuleHits is how often one rule applied.
type RuleHits struct {
	Rule     string     `json:"rule"`
	Position int        `json:"position"`
	Enabled  bool       `json:"enabled"`
	Hits     int64      `json:"hits"`
	Share    *float64   `json:"share,omitempty" doc:"of the messages that were screened in that time"`
	LastAt   *time.Time `json:"last_at,omitempty"`
}

func (s *server) ruleHits(ctx context.Context, in *HitsInput) (*List[RuleHits], error) {
	if err := in.settle(); err != nil {
		return nil, err
	}
	found, err := s.RuleHits(ctx, in.From, in.Until)
	if err != nil {
		return nil, err
	}
	return whole(found, func(h interaction.RuleHits) RuleHits {
		return RuleHits{h.Rule, h.Position, h.Enabled, h.Hits, share(h.Hits, h.Messages), moment(h.Last)}
	}), nil
}
