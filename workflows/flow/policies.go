package flow

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/interaction"
)

// Time-outs and retries by name, one a kind of work. What is hopeless is decided by the activity's error.
var (
	// quick is a transaction in PostgreSQL. It is tried for as long as PostgreSQL is away.
	quick = workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
			NonRetryableErrorTypes: []string{activities.TypeStopped},
		},
	}

	// thinking is understanding: bounded work on one message. What PostgreSQL will not keep is left to people; while it is away, it is waited for.
	thinking = workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
			NonRetryableErrorTypes: []string{activities.TypeStopped, string(interaction.KindInvalid)},
		},
	}

	// asking puts one question to a classifier outside, which has seconds. A dead process is not waited for long: the own model can say it too.
	asking = workflow.ActivityOptions{
		StartToCloseTimeout:    45 * time.Second,
		ScheduleToCloseTimeout: 2 * time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: 3,
			NonRetryableErrorTypes: []string{activities.TypeStopped, string(interaction.KindInvalid)},
		},
	}

	// sending talks to a carrier: minutes for one attempt, days for all of them. A
	// dead process is noticed by its missing heartbeat. The intervals are for parts of ours that are away; how long to leave a
	// carrier alone that says "not now" is the activity's to say.
	sending = workflow.ActivityOptions{
		StartToCloseTimeout:    10 * time.Minute,
		HeartbeatTimeout:       10 * time.Second,
		ScheduleToCloseTimeout: 5 * 24 * time.Hour,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
			NonRetryableErrorTypes: []string{activities.TypeStopped},
		},
	}
)

// longHistory is the number of history events at which a waiting workflow continues as new (target A4: at most 200 a run).
const longHistory = 150
