package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// SaveUpload keeps a file that the actor will attach to a reply or draft.
func (s *Store) SaveUpload(ctx context.Context, by interaction.Actor, name, mediaType string, data []byte) (interaction.File, error) {
	return act(ctx, s, by, func(t *tx) (interaction.File, error) {
		sum := sha256.Sum256(data)
		f := interaction.File{
			Name: name, Type: mediaType, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Upload: interaction.NewID(),
		}
		_, err := t.Exec(ctx, `insert into uploads (id, agent_id, name, type, size, sha256, data) values ($1, $2, $3, $4, $5, $6, $7)`,
			f.Upload, by.Agent, f.Name, f.Type, f.Size, f.SHA256, data)
		return f, err
	})
}

// Uploads gives the files of these uploads in their order. The actor knows his own, and those in the draft of a task that he
// holds: a colleague may have begun it. Files of the responses that may be used today are everybody's.
func (s *Store) Uploads(ctx context.Context, by interaction.Actor, ids []interaction.ID) ([]interaction.File, error) {
	rows, err := s.pool.Query(ctx, `select u.name, u.type, u.size, u.sha256, u.id from uploads u where u.id = any($1::uuid[])
			and (u.agent_id = $2 or exists (select 1 from tasks t join drafts d on d.task_id = t.id
				where t.agent_id = $2 and d.attachments @> jsonb_build_array(jsonb_build_object('upload', u.id))))
		union all select distinct on (l.id) f->>'name', l.type, l.size, l.sha256, l.id
		from library_files l join responses r on r.files @> jsonb_build_array(jsonb_build_object('upload', l.id)) and `+usableResponse+`, jsonb_array_elements(r.files) f
		where l.id = any($1::uuid[]) and f->>'upload' = l.id::text`,
		some(ids), by.Agent)
	if err != nil {
		return nil, translate(err)
	}
	found := map[interaction.ID]interaction.File{}
	var f interaction.File
	if _, err := pgx.ForEachRow(rows, []any{&f.Name, &f.Type, &f.Size, &f.SHA256, &f.Upload}, func() error {
		found[f.Upload] = f
		return nil
	}); err != nil {
		return nil, translate(err)
	}
	list := make([]interaction.File, 0, len(ids))
	for _, id := range ids {
		file, ok := found[id]
		if !ok {
			return nil, interaction.Invalid("unknown_attachment", "attachments", "you have not uploaded %s", id)
		}
		list = append(list, file)
	}
	return list, nil
}

// UploadData gives the bytes of an upload or of a file of the library. Who may have them follows from the message that it is attached to: one that is named and is not there was removed.
func (s *Store) UploadData(ctx context.Context, id interaction.ID) ([]byte, error) {
	data, err := one(ctx, s.pool, "attachment", pgx.RowTo[[]byte], `select data from uploads where id = $1 union all select data from library_files where id = $1`, id)
	if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
		return nil, interaction.Gone("attachment", interaction.GoneRetention)
	}
	return data, err
}
