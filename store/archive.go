package store

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// archive writes all that is held on a contact, as a zip: contact/ has what is about himself, interactions/ID/ what was said in each, a JSON file a
// kind of thing, with the raw bytes and files beside them. Rows are passed on one by one, so its memory does not grow with them.
type archive struct {
	tx    pgx.Tx
	zip   *zip.Writer
	count manifest
}

// manifest is the archive's first word for its reader.
type manifest struct {
	Contact      interaction.ID   `json:"contact"`
	Contacts     []interaction.ID `json:"contacts"` // with those that were merged into him
	At           time.Time        `json:"at"`
	Interactions int              `json:"interactions"`
	Files        int              `json:"files"` // raw messages and attachments
}

// family are a contact ($1) and those that were merged into him.
const family = `with recursive family as (
	select $1::uuid as id
	union select c.id from family f join contact_merges m on m.kept = f.id join contacts c on c.id = m.merged and c.merged_into = f.id) `

func (a *archive) write(ctx context.Context, contact interaction.ID) error {
	a.count.Contact, a.count.At = contact, time.Now().UTC()
	var err error
	if a.count.Contacts, err = a.ids(ctx, family+`select id from family order by id`, contact); err != nil {
		return err
	}
	for _, h := range ofContact {
		if err := a.rows(ctx, "contact", h, a.count.Contacts); err != nil {
			return err
		}
	}
	if err := a.table(ctx, "contact/consents.json", `select to_jsonb(c)::text from consents c where c.address in (select value from contact_attributes where contact_id = any($1::uuid[]))`, a.count.Contacts); err != nil {
		return err
	}
	list, err := a.ids(ctx, `
		select id from all_interactions where contact_id = any($1::uuid[])
		union select i.id from all_interactions i join threads h on h.id = i.thread_id where h.expert_for in (select id from all_interactions where contact_id = any($1::uuid[]))
		order by 1`, a.count.Contacts)
	if err != nil {
		return err
	}
	for _, id := range list {
		if err := a.interaction(ctx, id); err != nil {
			return err
		}
	}
	a.count.Interactions = len(list)
	return a.json("manifest.json", a.count)
}

func (a *archive) interaction(ctx context.Context, id interaction.ID) error {
	folder := path.Join("interactions", string(id))
	for _, h := range ofInteraction {
		if err := a.rows(ctx, folder, h, id); err != nil {
			return err
		}
	}
	return a.files(ctx, folder, id)
}

// rows writes a part of a table, without what is nobody's to read.
func (a *archive) rows(ctx context.Context, folder string, h personal, arg any) error {
	if h.name == "" {
		return nil
	}
	return a.table(ctx, path.Join(folder, h.name+".json"), `select (to_jsonb(x) - '{token,salt}'::text[])::text from `+h.table+` x where `+h.where, arg)
}

// table writes the rows of a query as one list; no rows make no file.
func (a *archive) table(ctx context.Context, name, sql string, arg any) error {
	rows, err := a.tx.Query(ctx, sql, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	var w *bufio.Writer
	var row string
	for rows.Next() {
		if err := rows.Scan(&row); err != nil {
			return err
		}
		lead := ",\n"
		if w == nil {
			entry, err := a.zip.CreateHeader(a.header(name))
			if err != nil {
				return err
			}
			w, lead = bufio.NewWriter(entry), "[\n"
		}
		if _, err := w.WriteString(lead); err != nil {
			return err
		}
		if _, err := w.WriteString(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil || w == nil {
		return err
	}
	if _, err := w.WriteString("\n]\n"); err != nil {
		return err
	}
	return w.Flush()
}

// files writes raw messages and uploads as they came.
func (a *archive) files(ctx context.Context, folder string, id interaction.ID) error {
	type file struct {
		ID   interaction.ID
		Name string
	}
	for _, of := range []struct{ list, folder, data string }{
		{
			`select raw_id, min(id::text) || case when min(channel) = 'email' then '.eml' else '.raw' end from inbound where interaction_id = $1 group by raw_id`,
			"raw", `select data from raw_pieces where raw_id = $1 order by number`,
		},
		{`select id, id::text || '-' || name from uploads where id in (` + uploadsOf + `) or session_id = $1`, "files", `select data from uploads where id = $1`},
	} {
		rows, err := a.tx.Query(ctx, of.list, id)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[file])
		if err != nil {
			return err
		}
		for _, f := range list {
			if err := a.bytes(ctx, path.Join(folder, of.folder, strings.ReplaceAll(f.Name, "/", "_")), of.data, f.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytes writes the pieces that a query gives as one file; none make no file.
func (a *archive) bytes(ctx context.Context, name, sql string, id interaction.ID) error {
	rows, err := a.tx.Query(ctx, sql, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	var w io.Writer
	var piece []byte
	for rows.Next() {
		if err := rows.Scan(&piece); err != nil {
			return err
		}
		if w == nil {
			if w, err = a.zip.CreateHeader(a.header(name)); err != nil {
				return err
			}
			a.count.Files++
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (a *archive) json(name string, value any) error {
	w, err := a.zip.CreateHeader(a.header(name))
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func (a *archive) header(name string) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.count.At}
}

// ids reads a list of ids.
func (a *archive) ids(ctx context.Context, sql string, arg any) ([]interaction.ID, error) {
	rows, err := a.tx.Query(ctx, sql, arg)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
}
