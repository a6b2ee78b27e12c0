// Package understanding screens a message, tells its language and its category. It composes screening and categorization, which
// look at the text only; what they find is written in one transaction.
package understanding

import (
	"cmp"
	"context"

	"parley/activities"
	"parley/interaction"
)

// Store gives the material and keeps what was found, in one transaction; run again for the same step it gives what was found then.
type Store interface {
	Understand(ctx context.Context, id interaction.ID, step string, message int64, look func(interaction.Material) interaction.Explained) (interaction.Understood, error)
	Material(ctx context.Context, id interaction.ID, message int64) (interaction.Material, error)
}

// Screener applies the screening rules.
type Screener interface {
	Screen(m interaction.Material, language string) Screened
}

// Screened is what the rules said.
type Screened struct {
	Spam     bool
	NoAuto   bool
	Category string
	Language string
	Queue    string
	Priority *int
	Data     map[string]string
	Rules    []string
	Endless  string // the rule that wanted all to be looked at again once too often
}

// Categorizer tells language and category of a text.
type Categorizer interface {
	Language(text, expected string) string
	Categorize(text, language string) Categorized
	Decide(ranked []interaction.RankedCategory) Categorized // by somebody else's ranking
	Readable(text string) bool
	Demand(category string) (queue, skill string)
}

// Categorized is the model's opinion.
type Categorized struct {
	Model   interaction.ID
	Ranked  []interaction.RankedCategory
	Best    string                       // the best one above its routing threshold
	Certain bool                         // and above its threshold for automatic responses
	Unfit   bool                         // the model takes the text to fit nowhere
	Several []interaction.RankedCategory // each above its routing threshold, where the model gives a text several

	Threshold float64 // that one
}

// Suggester chooses the standard responses that an agent is shown, best first.
type Suggester interface {
	Suggest(text, language, category string, ranked []interaction.RankedCategory) []interaction.ID
}

// Activities are the steps of this subject.
type Activities struct {
	Store       Store
	Screener    Screener
	Categorizer Categorizer
	Outside     Outside   // nil: there is none
	Suggester   Suggester // nil: nothing is suggested
}

// Request names the message to be understood.
type Request struct {
	Interaction interaction.ID
	Step        string
	Message     int64
	Category    string // set by a supervisor: neither rules nor model are asked for it
	GiveUp      bool   // it failed too often: write down that nothing is known
	Alone       bool   // the classifier outside could not be asked
}

// UnderstandMessage looks at the message and keeps what it found. It is one local activity: run again, it gives what stands there.
func (a *Activities) UnderstandMessage(ctx context.Context, r Request) (interaction.Understood, error) {
	found, err := a.Store.Understand(ctx, r.Interaction, r.Step, r.Message, func(m interaction.Material) interaction.Explained {
		if r.GiveUp {
			return nothing("not_kept")
		}
		return a.contain(m, r.Category, a.opinion(r))
	})
	return found, activities.Failure(err)
}

// contain looks at the message; what makes a rule or a model panic is left to people.
func (a *Activities) contain(m interaction.Material, ordered string, said opinion) (e interaction.Explained) {
	defer func() {
		if recover() != nil {
			e = nothing("panicked")
		}
	}()
	return a.look(m, ordered, said)
}

// nothing is known of the message, for this reason: people look at it, and nothing is answered by itself.
func nothing(why string) interaction.Explained {
	return interaction.Explained{Understood: interaction.Understood{NoAuto: true}, Failed: why}
}

// textOf is what is looked at: the subject and what is new in the body.
func textOf(m interaction.Material) string {
	if m.Message.ReplyText == "" {
		return m.Message.Subject + "\n" + m.Message.Text
	}
	return m.Message.Subject + "\n" + m.Message.ReplyText
}

// screen applies the rules, and tells the language; a rule knows it better.
func (a *Activities) screen(m interaction.Material, text string) (Screened, string) {
	language := a.Categorizer.Language(text, m.Language)
	rules := a.Screener.Screen(m, language)
	return rules, cmp.Or(rules.Language, language)
}

func (a *Activities) look(m interaction.Material, ordered string, said opinion) interaction.Explained {
	var e interaction.Explained
	for _, p := range m.Message.Problems {
		if p == interaction.ProblemKeptRaw {
			return nothing(p)
		}
	}
	text := textOf(m)
	rules, language := a.screen(m, text)
	e.Language = language
	if said.wanted && ordered == "" && a.open(m, text, rules) {
		e.AskOutside = true
		return e
	}
	model := a.rank(&e, text, said)
	e.Model, e.Ranked, e.Category, e.Certain, e.Unfit, e.Threshold = model.Model, model.Ranked, model.Best, model.Certain, model.Unfit, model.Threshold
	for _, r := range model.Ranked {
		if r.Category == model.Best {
			e.Confidence = r.Confidence
		}
	}
	if rules.Category == "" && ordered == "" {
		e.Several = model.Several
	}
	if rules.Category != "" { // a rule knows better than a model
		e.Category, e.Confidence, e.Certain, e.Threshold = rules.Category, 1, true, 0
	}
	if ordered != "" {
		e.Category, e.Confidence, e.Certain, e.Threshold = ordered, 1, false, 0
	}
	e.Queue, e.Skill = a.Categorizer.Demand(e.Category)
	if rules.Queue != "" {
		e.Queue = rules.Queue
	}
	e.Spam = rules.Spam || e.Category == interaction.CategorySpam && e.Certain
	e.NoAuto, e.Machine = rules.NoAuto, m.Message.Machine != ""
	e.Priority, e.Data, e.Rules, e.Endless = rules.Priority, rules.Data, rules.Rules, rules.Endless
	if a.Suggester != nil && !e.Spam && !e.Machine {
		e.Suggested = a.Suggester.Suggest(text, e.Language, e.Category, e.Ranked)
	}
	return e
}
