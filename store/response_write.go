package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"parley/interaction"
)

// putResponses writes standard responses; what says something else than before is a version of its own. The active ones come last, when those that
// they take over from are not active any more.
func (t *tx) putResponses(ctx context.Context, by interaction.Actor, setup interaction.Setup) error {
	var active []string
	for _, r := range setup.Responses {
		if err := t.putResponse(ctx, by, r); err != nil {
			return named(err, interaction.ListResponses, r.Name)
		}
		if r.State == interaction.ResponseActive {
			active = append(active, r.Name)
		}
	}
	for _, name := range active {
		if _, err := t.Exec(ctx, `update responses set state = 'active' where name = $1`, name); err != nil {
			return named(err, interaction.ListResponses, name)
		}
	}
	return nil
}

func (t *tx) putResponse(ctx context.Context, by interaction.Actor, r interaction.Answer) error {
	files, err := t.libraryFiles(ctx, r.Attachments)
	if err != nil {
		return err
	}
	state := r.State
	if state == interaction.ResponseActive {
		state = interaction.ResponseApproved // until all are written
	}
	var id interaction.ID
	var version int64
	err = t.QueryRow(ctx, `
		insert into responses (id, name, category, language, usage, state, starts, expires, subject, body, html, files) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (name) do update set (category, language, usage, state, starts, expires, subject, body, html, files, changes, version)
			= (excluded.category, excluded.language, excluded.usage, excluded.state, excluded.starts, excluded.expires, excluded.subject, excluded.body,
				excluded.html, excluded.files, responses.changes + 1, responses.version
				+ ((responses.category, responses.language, responses.usage, responses.starts, responses.expires, responses.subject, responses.body, responses.html, responses.files)
					is distinct from (excluded.category, excluded.language, excluded.usage, excluded.starts, excluded.expires, excluded.subject, excluded.body, excluded.html, excluded.files))::int)
		returning id, version`,
		interaction.NewID(), r.Name, r.Category, r.Language, r.Usage, state, r.Starts, r.Expires, r.Subject, r.Text, r.HTML, some(files)).Scan(&id, &version)
	if err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `
		insert into response_versions (response_id, version, author, name, category, language, usage, starts, expires, subject, body, html, files)
		select id, version, $2, name, category, language, usage, starts, expires, subject, body, html, files from responses where id = $1
		on conflict do nothing`, id, by.Agent); err != nil {
		return err
	}
	if r.State == interaction.ResponseDraft {
		return nil
	}
	return t.versionApproved(ctx, by, id)
}

// versionApproved writes down who let what a response says now be used; the first one counts.
func (t *tx) versionApproved(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	_, err := t.Exec(ctx, `update response_versions v set approver = $2, approved_at = now() from responses r
		where r.id = $1 and v.response_id = r.id and v.version = r.version and v.approved_at is null`, id, by.Agent)
	return err
}

// libraryFiles finds the files that a response names, and keeps those that came with it.
func (t *tx) libraryFiles(ctx context.Context, named []interaction.LibraryFile) ([]interaction.File, error) {
	files := make([]interaction.File, len(named))
	for n, f := range named {
		if f.Data != nil {
			if _, err := t.keepLibraryFile(ctx, f); err != nil {
				return nil, err
			}
		}
		files[n] = interaction.File{Name: f.Name, SHA256: f.SHA256}
		err := t.QueryRow(ctx, `select id, type, size from library_files where sha256 = $1`, f.SHA256).Scan(&files[n].Upload, &files[n].Type, &files[n].Size)
		if noRows(err) {
			return nil, interaction.Invalid("unknown_file", fmt.Sprintf("attachments[%d].sha256", n), "no such file was uploaded; POST it to /v1/responses/files first")
		}
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// keepLibraryFile keeps a file's bytes, once.
func (t *tx) keepLibraryFile(ctx context.Context, f interaction.LibraryFile) (interaction.File, error) {
	sum := sha256.Sum256(f.Data)
	kept := interaction.File{Name: f.Name, SHA256: hex.EncodeToString(sum[:])}
	if _, err := t.Exec(ctx, `insert into library_files (id, sha256, type, size, data) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		interaction.NewID(), kept.SHA256, f.Type, len(f.Data), f.Data); err != nil {
		return kept, err
	}
	err := t.QueryRow(ctx, `select id, type, size from library_files where sha256 = $1`, kept.SHA256).Scan(&kept.Upload, &kept.Type, &kept.Size)
	return kept, err
}

// SaveLibraryFile keeps a file for standard responses. The same bytes are kept once, under the type that they were first told to be.
func (s *Store) SaveLibraryFile(ctx context.Context, by interaction.Actor, name, mediaType string, data []byte) (interaction.File, error) {
	return act(ctx, s, by, func(t *tx) (interaction.File, error) {
		return t.keepLibraryFile(ctx, interaction.LibraryFile{Name: name, Type: mediaType, Data: data})
	})
}

// ChangeResponse approves, activates, deactivates or withdraws a response, as interaction.ResponseTransitions allows. Activating one makes the active one
// beside it approved in the same transaction. changes is what the order was given on; 0 is not checked.
func (s *Store) ChangeResponse(ctx context.Context, by interaction.Actor, id interaction.ID, changes int64, order string) (interaction.Response, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Response, error) {
		if _, err := t.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(setupLock)); err != nil {
			return interaction.Response{}, err
		}
		r, err := one(ctx, t, "response", scanResponse, `select `+responseColumns+` from responses r where id = $1 for update`, id)
		if err != nil {
			return r, err
		}
		if changes != 0 && changes != r.Changes {
			return r, interaction.Stale(r.Changes)
		}
		to, err := t.mayBecome(ctx, r, order)
		if err != nil {
			return r, err
		}
		done := []interaction.Change{stateChange(r.Name, r.State, to)}
		if to == interaction.ResponseActive {
			displaced, err := t.displace(ctx, r)
			if err != nil {
				return r, err
			}
			done = append(done, displaced...)
		}
		if r, err = one(ctx, t, "response", scanResponse, `update responses r set state = $2, changes = changes + 1 where id = $1 returning `+responseColumns, id, to); err != nil {
			return r, err
		}
		if to == interaction.ResponseApproved {
			if err := t.versionApproved(ctx, by, id); err != nil {
				return r, err
			}
		}
		return r, t.setupApplied(ctx, by, done, 0)
	})
}

// mayBecome gives the state that an order leads to, or says why it does not.
func (t *tx) mayBecome(ctx context.Context, r interaction.Response, order string) (interaction.ResponseState, error) {
	for _, change := range interaction.ResponseTransitions {
		if change.By != order || change.From != string(r.State) {
			continue
		}
		if order == interaction.ResponseActivate && !r.Expires.IsZero() {
			var now time.Time
			if err := t.QueryRow(ctx, `select now()`).Scan(&now); err != nil {
				return "", err
			}
			if !r.Expires.After(now) {
				return "", interaction.Conflict("expired", "the response has expired; give it a later date first").With("expires", r.Expires)
			}
		}
		return interaction.ResponseState(change.To), nil
	}
	return "", interaction.Conflict("response_state", "the response is %s", r.State).With("state", r.State)
}

// displace makes the active response of the same category, language and usage an approved one.
func (t *tx) displace(ctx context.Context, by interaction.Response) ([]interaction.Change, error) {
	rows, err := t.Query(ctx, `update responses set state = 'approved', changes = changes + 1
		where category = $1 and language = $2 and usage = $3 and state = 'active' and id <> $4 returning name`, by.Category, by.Language, by.Usage, by.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var done []interaction.Change
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		done = append(done, stateChange(name, interaction.ResponseActive, interaction.ResponseApproved))
	}
	return done, rows.Err()
}

func stateChange(name string, from, to interaction.ResponseState) interaction.Change {
	return interaction.Change{
		List: interaction.ListResponses, Name: name, Action: interaction.ActionChange,
		Fields: []interaction.FieldChange{{Field: "state", Before: string(from), After: string(to)}},
	}
}
