package store

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// pieceSize is how much of a raw body one row holds. A row of this size passes
// through PostgreSQL's memory whole; 256 KiB keeps that small for a body of any size.
const pieceSize = 256 << 10

// Accept commits raw bytes, connection facts and the unique source keys in one
// transaction. No transaction is open while the sender is still sending: in.Raw is complete.
// When all targets were accepted before, nothing is added and the receipt names the first row.
func (s *Store) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	if len(in.Targets) == 0 {
		return interaction.Receipt{}, interaction.Invalid("no_target", "targets", "an inbound thing needs an entry point")
	}
	first, err := readPiece(in.Raw)
	if err != nil {
		return interaction.Receipt{}, fmt.Errorf("read the raw body: %w", err)
	}
	var receipt interaction.Receipt
	err = s.inTx(ctx, func(t *tx) error {
		receipt = interaction.Receipt{}
		raw := interaction.NewID()
		fresh, batch := 0, &pgx.Batch{}
		for _, target := range in.Targets {
			id := interaction.NewID()
			had, isNew, err := t.claimSource(ctx, interaction.SourceKey(target.EntryPoint, in.Identity), id)
			if err != nil {
				return err
			}
			if !isNew {
				if receipt.ID == "" {
					receipt = interaction.Receipt{ID: had, Repeat: true}
				}
				continue
			}
			receipt = interaction.Receipt{ID: id}
			fresh++
			batch.Queue(`insert into inbound (id, channel, entry_point, address, facts, raw_id, size, identity)
				values ($1, $2, $3, $4, $5, $6, $7, $8)`,
				id, in.Channel, target.EntryPoint, target.Address, in.Facts, raw, in.Size, in.Identity[:])
		}
		if fresh == 0 {
			return nil
		}
		t.inbound = true
		return t.keepRaw(ctx, batch, raw, first, in.Raw)
	})
	return receipt, err
}

// claimSource makes the source key ours, or tells whose it is.
func (t *tx) claimSource(ctx context.Context, key [32]byte, id interaction.ID) (had interaction.ID, isNew bool, err error) {
	isNew, err = t.exec(ctx, `insert into source_keys (key, inbound_id) values ($1, $2) on conflict do nothing`, key[:], id)
	if err != nil || isNew {
		return id, isNew, err
	}
	err = t.QueryRow(ctx, `select inbound_id from source_keys where key = $1`, key[:]).Scan(&had)
	return had, false, err
}

// keepRaw writes the body in pieces, the first together with what the batch holds already.
func (t *tx) keepRaw(ctx context.Context, batch *pgx.Batch, raw interaction.ID, piece []byte, rest io.Reader) error {
	for n := 0; ; n++ {
		batch.Queue(`insert into raw_pieces (raw_id, number, data) values ($1, $2, $3)`, raw, n, piece)
		if err := t.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		var err error
		if len(piece) < pieceSize {
			return nil
		}
		if piece, err = readPiece(rest); err != nil {
			return fmt.Errorf("read the raw body: %w", err)
		}
		if len(piece) == 0 {
			return nil
		}
		batch = &pgx.Batch{}
	}
}

// readPiece reads up to one piece; a short one is the last.
func readPiece(r io.Reader) ([]byte, error) {
	piece := make([]byte, pieceSize)
	n, err := io.ReadFull(r, piece)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return piece[:n:n], err
}

// InboundChannel tells on which channel an inbound thing came: its raw bytes are in that channel's form.
func (s *Store) InboundChannel(ctx context.Context, inbound interaction.ID) (interaction.Channel, error) {
	var channel interaction.Channel
	err := s.pool.QueryRow(ctx, `select channel from inbound where id = $1`, inbound).Scan(&channel)
	if noRows(err) {
		return "", interaction.Unknown("message")
	}
	return channel, translate(err)
}

// rawGone tells bytes that were removed, and why, from those of something that never came.
func (s *Store) rawGone(ctx context.Context, inbound interaction.ID) error {
	var erased bool
	err := s.pool.QueryRow(ctx, `select coalesce((select gone = 'erased' from closed_interactions i where i.id = b.interaction_id), false) from inbound b where b.id = $1`, inbound).
		Scan(&erased)
	switch {
	case noRows(err):
		return interaction.Unknown("message")
	case err != nil:
		return translate(err)
	case erased:
		return interaction.Gone("raw_message", interaction.GoneErased)
	}
	return interaction.Gone("raw_message", interaction.GoneRetention)
}

// Raw gives the raw bytes of an inbound thing, exactly as they came.
func (s *Store) Raw(ctx context.Context, inbound interaction.ID) ([]byte, error) {
	rows, err := s.pool.Query(ctx, `select p.data from raw_pieces p, inbound i
		where i.id = $1 and p.raw_id = i.raw_id order by p.number`, inbound)
	if err != nil {
		return nil, translate(err)
	}
	pieces, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, translate(err)
	}
	if len(pieces) == 0 {
		return nil, s.rawGone(ctx, inbound)
	}
	if len(pieces) == 1 {
		return pieces[0], nil
	}
	var raw []byte
	for _, p := range pieces {
		raw = append(raw, p...)
	}
	return raw, nil
}
