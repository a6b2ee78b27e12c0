package understanding

import (
	"context"
	"errors"

	"parley/activities"
	"parley/interaction"
)

// Outside is a classifier elsewhere. What it cannot say in time the own model says.
type Outside interface {
	Name() string
	Ready() bool // it has not failed just now
	Classify(ctx context.Context, text, language string) ([]interaction.RankedCategory, error)
}

// opinion is what is known of the classifier outside when a message is looked at.
type opinion struct {
	wanted bool // it is to be asked first
	heard  bool // it has ranked the categories
	ranked []interaction.RankedCategory
	failed string // why it has not, as a code
}

// opinion tells before the classifier is asked whether it is to be.
func (a *Activities) opinion(r Request) opinion {
	switch {
	case a.Outside == nil || r.Category != "":
		return opinion{}
	case r.Alone:
		return opinion{failed: "not_asked"}
	case !a.Outside.Ready():
		return opinion{failed: "resting"}
	}
	return opinion{wanted: true}
}

// open reports whether the message is worth a question: no rule has decided, a person wrote it, and there is something to read. What need not leave the house stays in it.
func (a *Activities) open(m interaction.Material, text string, rules Screened) bool {
	return rules.Category == "" && !rules.Spam && m.Message.Machine == "" && a.Categorizer.Readable(text)
}

// rank gives the categories by the classifier outside where it has spoken, and by the own model otherwise.
func (a *Activities) rank(e *interaction.Explained, text string, said opinion) Categorized {
	if said.heard {
		e.Outside = a.Outside.Name()
		return a.Categorizer.Decide(said.ranked)
	}
	e.Fallback = said.failed
	return a.Categorizer.Categorize(text, e.Language)
}

// AskOutside asks the classifier outside for its opinion of the message and keeps what is understood with it, or, where it gives none in time, with the own
// model's. No transaction is open while it is asked. Run again, it gives what stands there.
func (a *Activities) AskOutside(ctx context.Context, r Request) (interaction.Understood, error) {
	m, err := a.Store.Material(ctx, r.Interaction, r.Message)
	if err != nil {
		return interaction.Understood{}, activities.Failure(err)
	}
	said := a.ask(ctx, m)
	found, err := a.Store.Understand(ctx, r.Interaction, r.Step, r.Message, func(m interaction.Material) interaction.Explained {
		return a.contain(m, r.Category, said)
	})
	return found, activities.Failure(err)
}

// ask puts the question. What breaks on a text says so by a code: what a panic tells could hold the text.
func (a *Activities) ask(ctx context.Context, m interaction.Material) (said opinion) {
	defer func() {
		if recover() != nil {
			said = opinion{failed: "panicked"}
		}
	}()
	if a.Outside == nil { // it was taken away between the two steps
		return opinion{failed: "not_asked"}
	}
	text := textOf(m)
	_, language := a.screen(m, text)
	ranked, err := a.Outside.Classify(ctx, text, language)
	if err != nil {
		return opinion{failed: code(err)}
	}
	return opinion{heard: true, ranked: ranked}
}

func code(err error) string {
	var ours *interaction.Error
	if errors.As(err, &ours) {
		return ours.Code
	}
	return "failed"
}
