package api

import (
	"context"
	"time"

	"parley/interaction"
)

// AuditLine is one line of the audit with what was before and after it.
type AuditLine struct {
	Event
	Position int64  `json:"position"`
	Queue    string `json:"queue,omitempty"`
	Before   any    `json:"before,omitempty"`
	After    any    `json:"after,omitempty"`
	Erased   bool   `json:"erased,omitempty" doc:"what was before and after it held a person's data, which were erased"`
}

func auditView(l interaction.AuditLine) AuditLine {
	v := AuditLine{Event: eventView(l.Event), Position: l.Position, Queue: l.Queue}
	if l.Values != nil {
		v.Before, v.After, v.Erased = l.Values.Before, l.Values.After, l.Values.Erased
	}
	return v
}

// AuditInput narrows the audit.
type AuditInput struct {
	Paged
	Actor       string    `query:"actor_id" maxLength:"64" doc:"who did it; me"`
	Interaction string    `query:"interaction_id" maxLength:"64"`
	Code        string    `query:"code" maxLength:"60" doc:"one code, or with a dot at its end all that begin so: order."`
	After       time.Time `query:"after"`
	Before      time.Time `query:"before"`
}

func (s *server) listAudit(ctx context.Context, in *AuditInput) (*List[AuditLine], error) {
	by := actorOf(ctx)
	f := interaction.AuditFilter{Code: in.Code, After: in.After, Before: in.Before}
	var err error
	if f.Actor, err = agentOrMe("actor_id", in.Actor, by); err != nil {
		return nil, err
	}
	if f.Interaction, err = optionalID("interaction_id", in.Interaction); err != nil {
		return nil, err
	}
	name := "audit " + in.Actor + " " + in.Interaction + " " + in.Code + " " + in.After.String() + " " + in.Before.String()
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Audit(ctx, by, f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, auditView), nil
}

// AuditCheck is what a check of the audit's chain found.
type AuditCheck struct {
	Whole         bool         `json:"whole" doc:"everything is as it was sealed"`
	Events        int64        `json:"events"`
	Values        int64        `json:"values" doc:"personal values that were checked against their hash"`
	Erased        int64        `json:"erased"`
	Seals         int64        `json:"seals"`
	Head          string       `json:"head" doc:"keep it elsewhere and give it to a later check: it shows that nothing was cut off"`
	Unsealed      int64        `json:"unsealed"`
	BehindSeconds float64      `json:"behind_seconds"`
	Faults        []AuditFault `json:"faults" nullable:"false"`
}

// AuditFault is one thing that is not as it was sealed.
type AuditFault struct {
	Code     string `json:"code"`
	Seal     int64  `json:"seal,omitempty"`
	Position int64  `json:"position,omitempty"`
	Text     string `json:"text"`
}

// VerifyInput may name a head that an earlier check gave.
type VerifyInput struct {
	Head string `query:"head" maxLength:"100" doc:"it must still be part of the chain"`
}

// VerifyOutput is the result of a check.
type VerifyOutput struct{ Body AuditCheck }

func (s *server) verifyAudit(ctx context.Context, in *VerifyInput) (*VerifyOutput, error) {
	c, err := s.VerifyAudit(ctx, in.Head)
	if err != nil {
		return nil, err
	}
	return &VerifyOutput{AuditCheck{
		Whole: len(c.Faults) == 0, Events: c.Events, Values: c.Values, Erased: c.Erased, Seals: c.Seals, Head: c.Head, Unsealed: c.Unsealed,
		BehindSeconds: c.Behind.Seconds(), Faults: each(c.Faults, func(f interaction.AuditFault) AuditFault { return AuditFault(f) }),
	}}, nil
}
