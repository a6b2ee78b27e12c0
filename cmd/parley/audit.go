package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"parley/interaction"
	"parley/store"
)

// auditCommand looks after the audit from outside of the API.
type auditCommand struct {
	Verify auditVerify `cmd:"" help:"Check the audit's chain: every sealed event and every personal value against what was sealed."`
}

type auditVerify struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
	Head        string `help:"A head that an earlier check printed, NUMBER:HASH; it must still be part of the chain."`
}

// Run prints what was found; faults end it with exit code 1.
func (c *auditVerify) Run(ctx context.Context) error {
	s, err := store.Open(ctx, c.DatabaseURL, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	check, err := s.VerifyAudit(ctx, c.Head)
	if err != nil {
		return err
	}
	if err := printCheck(check); err != nil {
		return err
	}
	if len(check.Faults) > 0 {
		return fmt.Errorf("the audit is not what was sealed: %d faults", len(check.Faults))
	}
	return nil
}

func printCheck(check interaction.AuditCheck) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, line := range []struct {
		what  string
		value any
	}{
		{"seals", check.Seals},
		{"events", check.Events},
		{"personal values", check.Values},
		{"erased values", check.Erased},
		{"not sealed yet", fmt.Sprintf("%d, since %s", check.Unsealed, check.Behind.Round(time.Second))},
		{"head", check.Head},
	} {
		if _, err := fmt.Fprintf(w, "%s\t%v\n", line.what, line.value); err != nil {
			return err
		}
	}
	for _, f := range check.Faults {
		if _, err := fmt.Fprintf(w, "FAULT %s\tseal %d, event %d: %s\n", f.Code, f.Seal, f.Position, f.Text); err != nil {
			return err
		}
	}
	return w.Flush()
}
