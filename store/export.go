package store

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// An export is an archive of all that is held on a contact, written by a background part in pieces. It is read in one snapshot and written beside it, so
// that nobody waits for it; who dies over it leaves pieces of an attempt that the next one drops.

// Bounds of an export.
const (
	exportAttempts = 3
	exportLost     = time.Minute // without a piece: who wrote it has died
	exportDays     = 7           // that an archive is kept
)

// CreateExport asks for an export; one that is being written already is that one.
func (s *Store) CreateExport(ctx context.Context, by interaction.Actor, contact interaction.ID) (interaction.Export, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Export, error) {
		if by.Role != interaction.RoleAdmin {
			return interaction.Export{}, interaction.Forbidden("admins_only", "what is held on people is exported by admins")
		}
		if _, err := t.Exec(ctx, `select 1 from contacts where id = $1 for update`, contact); err != nil {
			return interaction.Export{}, err
		}
		if err := t.visibleContact(ctx, by, contact); err != nil {
			return interaction.Export{}, err
		}
		had, err := one(ctx, t, "export", scanExport, exportColumns+` where contact_id = $1 and state in ('waiting', 'writing') limit 1`, contact)
		if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
			return had, err
		}
		id := interaction.NewID()
		if _, err := t.Exec(ctx, `insert into exports (id, contact_id, agent_id, state) values ($1, $2, $3, 'waiting')`, id, contact, by.Agent); err != nil {
			return had, err
		}
		if err := t.audit(ctx, event{Code: "export.ordered", Actor: by, To: string(interaction.ExportWaiting), Data: map[string]any{"export": id, "contact": contact}}); err != nil {
			return had, err
		}
		return one(ctx, t, "export", scanExport, exportColumns+` where id = $1`, id)
	})
}

const exportColumns = `select id, contact_id, agent_id, state, size, sha256, at, ready_at, attempt from exports`

func scanExport(row pgx.CollectableRow) (interaction.Export, error) {
	var e interaction.Export
	var ready *time.Time
	err := row.Scan(&e.ID, &e.Contact, &e.Agent, &e.State, &e.Size, &e.SHA256, &e.At, &ready, &e.Attempt)
	e.ReadyAt = orZero(ready)
	return e, err
}

// Export gives one export with how far it has come.
func (s *Store) Export(ctx context.Context, id interaction.ID) (interaction.Export, error) {
	return one(ctx, s.pool, "export", scanExport, exportColumns+` where id = $1`, id)
}

// ReadExport writes the archive to w, piece by piece; a conflict where it is not ready, gone where it was removed.
func (s *Store) ReadExport(ctx context.Context, e interaction.Export, w io.Writer) error {
	for number, size := 0, int64(0); size < e.Size; number++ {
		var piece []byte
		err := s.pool.QueryRow(ctx, `select data from export_pieces where export_id = $1 and attempt = $2 and number = $3`, e.ID, e.Attempt, number).Scan(&piece)
		if noRows(err) {
			return interaction.Gone("export", interaction.GoneRetention)
		}
		if err != nil {
			return translate(err)
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		size += int64(len(piece))
	}
	return nil
}

// WorkExports writes the next export, if there is one, and tells whether there was.
func (s *Store) WorkExports(ctx context.Context) (worked bool, err error) {
	e, err := s.takeExport(ctx)
	if err != nil || e == nil || e.State != interaction.ExportWriting {
		return e != nil, err
	}
	w := &pieceWriter{sum: sha256.New(), keep: func(number int, piece []byte) error { return s.keepPiece(ctx, *e, number, piece) }}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(raw pgx.Tx) error {
		archive := &archive{tx: raw, zip: zip.NewWriter(w)}
		if err := archive.write(ctx, e.Contact); err != nil {
			return err
		}
		return archive.zip.Close()
	})
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return true, translate(err)
	}
	return true, s.endExport(ctx, *e, w)
}

// takeExport takes the next export that nobody writes. One that several died over is given up.
func (s *Store) takeExport(ctx context.Context) (*interaction.Export, error) {
	var taken *interaction.Export
	err := s.inTx(ctx, func(t *tx) error {
		e, err := one(ctx, t, "export", scanExport, exportColumns+` where state in ('waiting', 'writing') and (state = 'waiting' or taken_at < now() - make_interval(secs => $1))
			order by id limit 1 for update skip locked`, exportLost.Seconds())
		if err != nil {
			if interaction.KindOf(err) == interaction.KindUnknown {
				return nil
			}
			return err
		}
		code, to := "export.begun", interaction.ExportWriting
		if e.Attempt >= exportAttempts {
			code, to = "export.failed", interaction.ExportFailed
		}
		if err := t.turnExport(ctx, e, code, to, `attempt = attempt + 1, taken_at = now(), ready_at = case when $2 = 'failed' then now() end`); err != nil {
			return err
		}
		e.State, e.Attempt = to, e.Attempt+1
		taken = &e
		return nil
	})
	return taken, err
}

// endExport makes the archive that was written the export's, unless another attempt has taken over.
func (s *Store) endExport(ctx context.Context, mine interaction.Export, w *pieceWriter) error {
	return s.inTx(ctx, func(t *tx) error {
		e, err := one(ctx, t, "export", scanExport, exportColumns+` where id = $1 and attempt = $2 and state = 'writing' for update`, mine.ID, mine.Attempt)
		if err != nil {
			if interaction.KindOf(err) == interaction.KindUnknown { // taken over, or its contact was erased meanwhile
				return nil
			}
			return err
		}
		if _, err := t.Exec(ctx, `delete from export_pieces where export_id = $1 and attempt <> $2`, e.ID, e.Attempt); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `update exports set size = $2, sha256 = $3 where id = $1`, e.ID, w.size, hex.EncodeToString(w.sum.Sum(nil))); err != nil {
			return err
		}
		return t.turnExport(ctx, e, "export.ready", interaction.ExportReady, `ready_at = now()`)
	})
}

// turnExport changes an export's state, with its audit; also is set with it.
func (t *tx) turnExport(ctx context.Context, e interaction.Export, code string, to interaction.ExportState, also string) error {
	if e.State == interaction.ExportWaiting && to == interaction.ExportFailed || !interaction.Allowed(interaction.ExportTransitions, code, string(e.State), string(to)) {
		return interaction.Conflict("export_state", "the export is %s", e.State).With("state", e.State)
	}
	if _, err := t.Exec(ctx, `update exports set state = $2, `+also+` where id = $1`, e.ID, to); err != nil {
		return err
	}
	return t.audit(ctx, event{Code: code, From: string(e.State), To: string(to), Data: map[string]any{"export": e.ID, "contact": e.Contact}})
}

// ExpireExports removes archives that were kept for long enough, some at a time, and tells whether there may be more; run hourly.
func (s *Store) ExpireExports(ctx context.Context) (more bool, err error) {
	const batch = 10
	err = s.inTx(ctx, func(t *tx) error {
		rows, err := t.Query(ctx, exportColumns+` where state in ('ready', 'failed') and ready_at < now() - make_interval(days => $1) order by ready_at limit $2 for update skip locked`, exportDays, batch)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, scanExport)
		if err != nil {
			return err
		}
		for _, e := range list {
			if _, err := t.Exec(ctx, `delete from export_pieces where export_id = $1`, e.ID); err != nil {
				return err
			}
			if err := t.turnExport(ctx, e, "export.expired", interaction.ExportExpired, `size = 0`); err != nil {
				return err
			}
		}
		more = len(list) == batch
		return nil
	})
	return more, err
}

// pieceWriter cuts what is written into pieces.
type pieceWriter struct {
	keep   func(number int, piece []byte) error
	sum    hash.Hash
	piece  []byte
	number int
	size   int64
}

// Write takes p into the piece, and keeps the piece when it is full.
func (w *pieceWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		room := min(pieceSize-len(w.piece), len(p))
		w.piece, p = append(w.piece, p[:room]...), p[room:]
		if len(w.piece) == pieceSize {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (w *pieceWriter) flush() error {
	if err := w.keep(w.number, w.piece); err != nil {
		return err
	}
	w.sum.Write(w.piece)
	w.size += int64(len(w.piece))
	w.number, w.piece = w.number+1, w.piece[:0]
	return nil
}

// keepPiece commits a piece of an export's attempt, and renews the export. One that was taken over by another attempt, or is no more, is written no further.
func (s *Store) keepPiece(ctx context.Context, e interaction.Export, number int, piece []byte) error {
	tag, err := s.pool.Exec(ctx, `
		with mine as (update exports set taken_at = now() where id = $1 and attempt = $2 and state = 'writing' returning id)
		insert into export_pieces (export_id, attempt, number, data) select id, $2, $3, $4 from mine`, e.ID, e.Attempt, number, piece)
	if err == nil && tag.RowsAffected() == 0 {
		return interaction.Conflict("export_taken", "another attempt writes this export, or its contact was erased")
	}
	return err
}
