package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/interaction"
)

// translate maps what PostgreSQL says to the house's errors, once. Errors that are the house's
// already pass; what is not known counts as temporary.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var ours *interaction.Error
	if errors.As(err, &ours) {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return interaction.Unavailable("database_away", err)
	}
	switch pg.Code {
	case "53100": // disk_full
		return &interaction.Error{
			Kind: interaction.KindFull, Code: "disk_full", Cause: err,
			Text: "there is no room left to keep this; try again later", RetryAfter: 30,
		}
	case "23505": // unique_violation
		return &interaction.Error{
			Kind: interaction.KindConflict, Code: "exists_already", Field: pg.ConstraintName, Cause: err,
			Text: "there is one of that name already",
		}
	case "23503": // foreign_key_violation
		return &interaction.Error{
			Kind: interaction.KindConflict, Code: "in_use", Field: pg.ConstraintName, Cause: err,
			Text: "it names something that does not exist, or is in use by something else",
		}
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return interaction.Unavailable("try_again", err)
	}
	switch pg.Code[:2] {
	case "22", "23", "54": // data exception, integrity, a limit of PostgreSQL itself: the same call fails again
		return &interaction.Error{Kind: interaction.KindInvalid, Code: "bad_value", Field: pg.ColumnName, Text: "a value does not fit", Cause: err}
	case "08", "40", "53", "55", "57": // connection, rollback, resources, not ready, operator
		return interaction.Unavailable("database_away", err)
	}
	return interaction.Unavailable("database_error", err)
}

// lockNotAvailable is what PostgreSQL says when NOWAIT finds a lock taken.
const lockNotAvailable = "55P03"

func isCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}
