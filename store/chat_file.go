package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"parley/interaction"
)

// SaveChatFile keeps a file of the session, counted against its limits under its row's lock. It is a part of the conversation once a post names it.
func (s *Store) SaveChatFile(ctx context.Context, session interaction.ID, who interaction.Party, name, mediaType string, data []byte) (interaction.File, error) {
	sum := sha256.Sum256(data)
	f := interaction.File{Name: clip(name, 200), Type: mediaType, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Upload: interaction.NewID()}
	err := s.inTx(ctx, func(t *tx) error {
		var entryPoint string
		var files int
		var bytes int64
		var over bool
		err := t.QueryRow(ctx, `select entry_point, files, file_bytes, ended_at is not null from chat_sessions where interaction_id = $1 for update`, session).
			Scan(&entryPoint, &files, &bytes, &over)
		if noRows(err) {
			return interaction.Unknown("chat")
		}
		if err != nil {
			return err
		}
		p, err := t.chatPolicy(ctx, entryPoint)
		if err != nil {
			return err
		}
		switch {
		case over:
			return interaction.Conflict("chat_ended", "the conversation is over")
		case f.Size == 0:
			return interaction.Invalid("bad_file", "file", "is empty")
		case f.Size > p.MaxFileBytes:
			return interaction.Invalid("file_too_large", "file", "has up to %d bytes here", p.MaxFileBytes).With("limit", p.MaxFileBytes)
		case files >= p.MaxFiles:
			return interaction.Invalid("too_many_files", "file", "a conversation has up to %d files here", p.MaxFiles).With("limit", p.MaxFiles)
		case bytes+f.Size > p.MaxBytes:
			return interaction.Invalid("files_too_large", "file", "the files of a conversation have up to %d bytes together", p.MaxBytes).With("limit", p.MaxBytes)
		}
		if _, err := t.Exec(ctx, `insert into uploads (id, agent_id, session_id, name, type, size, sha256, data) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			f.Upload, who.Agent, session, f.Name, f.Type, f.Size, f.SHA256, data); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, `update chat_sessions set files = files + 1, file_bytes = file_bytes + $2 where interaction_id = $1`, session, f.Size); err != nil {
			return err
		}
		return t.audit(ctx, event{Code: "chat.file", Actor: interaction.Actor{Agent: who.Agent}, Interaction: session, Data: map[string]any{
			"upload": f.Upload, "bytes": f.Size, "role": who.Role,
		}})
	})
	return f, err
}

// ChatFile gives a file of the session with its bytes.
func (s *Store) ChatFile(ctx context.Context, session, upload interaction.ID) (interaction.File, []byte, error) {
	var f interaction.File
	var data []byte
	err := s.pool.QueryRow(ctx, `select id, name, type, size, sha256, data from uploads where id = $1 and session_id = $2`, upload, session).
		Scan(&f.Upload, &f.Name, &f.Type, &f.Size, &f.SHA256, &data)
	if noRows(err) {
		var said bool
		err = s.pool.QueryRow(ctx, `select exists (select 1 from chat_messages where session_id = $2 and file->>'upload' = $1::text)`, upload, session).Scan(&said)
		if err == nil && said {
			return f, nil, interaction.Gone("attachment", interaction.GoneRetention)
		}
		if err == nil {
			return f, nil, interaction.Unknown("attachment")
		}
	}
	return f, data, translate(err)
}
