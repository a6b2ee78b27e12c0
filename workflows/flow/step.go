package flow

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"parley/activities/autoresponse"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/understanding"
	"parley/interaction"
)

// The activities by subject; methods are named through nil pointers.
type (
	understands = understanding.Activities
	answers     = autoresponse.Activities
	routes      = routing.Activities
	reviews     = review.Activities
	delivers    = delivery.Activities
	post        = postprocessing.Activities
)

// step does one step of the story and keeps its result, or gives the result kept before. The key
// belongs to this step of this round for good: effects are keyed by it.
func step[T any](f *Flow, name string, do func(key string) (T, error)) T {
	n := f.next
	f.next++
	f.where = name
	var result T
	if n < len(f.journal) {
		if f.journal[n].Step != name {
			panic(failed{fmt.Errorf("the story tells %s where it told %s before; a story must not depend on anything but its steps", name, f.journal[n].Step)})
		}
		if err := json.Unmarshal(f.journal[n].Result, &result); err != nil {
			panic(failed{fmt.Errorf("read the result of step %s: %w", name, err)})
		}
		return result
	}
	result, err := do(fmt.Sprintf("%d.%d-%s", f.round, n, name))
	if err != nil {
		panic(failed{err})
	}
	kept, err := json.Marshal(result)
	if err != nil {
		panic(failed{fmt.Errorf("keep the result of step %s: %w", name, err)})
	}
	f.journal = append(f.journal, interaction.StepResult{Step: name, Result: kept})
	return result
}

// local runs a local activity under a policy.
func local[T any](f *Flow, policy workflow.LocalActivityOptions, activity, input any) (T, error) {
	var result T
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(f.ctx, policy), activity, input).Get(f.ctx, &result)
	return result, err
}

func endOf(f *Flow, reason string) postprocessing.End {
	return postprocessing.End{Interaction: f.in.Interaction, Seen: f.seen, Reason: reason}
}
