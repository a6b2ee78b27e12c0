package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// actorColumns make an actor of token t and agent a.
const actorColumns = `select a.id, a.login, a.role, coalesce((select array_agg(g.group_name) from agent_groups g where g.agent_id = a.id), '{}'), t.id
	from tokens t join agents a on a.id = t.agent_id
	where t.revoked_at is null and (t.expires_at is null or t.expires_at > now()) and a.enabled `

func scanActor(row pgx.CollectableRow) (interaction.Actor, error) {
	var a interaction.Actor
	err := row.Scan(&a.Agent, &a.Login, &a.Role, &a.Groups, &a.Token)
	return a, err
}

// ActorByToken gives who holds the token of this hash, with his role and groups as they are now; unknown for a token that
// never was, is over or revoked, or whose agent is disabled. Look-ups that come at the same time are one statement.
func (s *Store) ActorByToken(ctx context.Context, hash []byte) (interaction.Actor, error) {
	actor, err := s.holders.ask(ctx, hash)
	if err == nil && actor.Agent == "" {
		err = interaction.Unknown("token")
	}
	return actor, translate(err)
}

// holdersOf gives who holds each of the tokens of these hashes; an empty actor where nobody does.
func (s *Store) holdersOf(ctx context.Context, hashes [][]byte) ([]interaction.Actor, error) {
	rows, err := s.pool.Query(ctx, `select n, h.* from unnest($1::bytea[]) with ordinality asked (hash, n) cross join lateral (`+actorColumns+`and t.hash = asked.hash limit 1) h`, hashes)
	if err != nil {
		return nil, err
	}
	actors := make([]interaction.Actor, len(hashes))
	var n int
	var a interaction.Actor
	_, err = pgx.ForEachRow(rows, []any{&n, &a.Agent, &a.Login, &a.Role, &a.Groups, &a.Token}, func() error {
		actors[n-1] = a
		a.Groups = nil // the next row shall not write into it
		return nil
	})
	return actors, err
}

// Actors gives the actors of those of these tokens that are still good.
func (s *Store) Actors(ctx context.Context, tokens []interaction.ID) (map[interaction.ID]interaction.Actor, error) {
	rows, err := s.pool.Query(ctx, actorColumns+`and t.id = any($1::uuid[])`, some(tokens))
	if err != nil {
		return nil, translate(err)
	}
	actors, err := collectActors(rows)
	return actors, translate(err)
}

// collectActors gives actors by their tokens.
func collectActors(rows pgx.Rows) (map[interaction.ID]interaction.Actor, error) {
	list, err := pgx.CollectRows(rows, scanActor)
	actors := make(map[interaction.ID]interaction.Actor, len(list))
	for _, a := range list {
		actors[a.Token] = a
	}
	return actors, err
}

// Credentials gives the agent of a login with his encoded password; unknown for one that may not sign in by password.
func (s *Store) Credentials(ctx context.Context, login string) (interaction.ID, string, error) {
	var id interaction.ID
	var password string
	err := s.pool.QueryRow(ctx, `select id, password from agents where login = $1 and enabled and password is not null`, login).Scan(&id, &password)
	if noRows(err) {
		return "", "", interaction.Unknown("login")
	}
	return id, password, translate(err)
}

// CreateToken keeps a token's hash and gives the token's id. It is refused when the agent is disabled meanwhile.
func (s *Store) CreateToken(ctx context.Context, by interaction.Actor, n interaction.NewToken) (interaction.ID, error) {
	id := interaction.NewID()
	err := s.inTx(ctx, func(t *tx) error {
		made, err := t.exec(ctx, `insert into tokens (hash, id, agent_id, kind, label, expires_at)
			select $1, $2, id, $4, $5, $6 from agents where id = $3 and enabled`, n.Hash, id, n.Agent, n.Kind, n.Label, orNull(n.Expires))
		if err != nil {
			return err
		}
		if !made {
			return interaction.Unknown("agent")
		}
		return t.audit(ctx, event{Code: "token.created", Actor: by, Data: map[string]any{"agent": n.Agent, "token": id, "kind": n.Kind}})
	})
	return id, err
}

// RotateToken gives the token's agent a new one of the same kind and ends the old one, in one transaction.
func (s *Store) RotateToken(ctx context.Context, by interaction.Actor, old interaction.ID, hash []byte, expires time.Time) (interaction.ID, error) {
	id := interaction.NewID()
	err := s.inTx(ctx, func(t *tx) error {
		if err := t.revoke(ctx, by, `id = $1`, old); err != nil {
			return err
		}
		made, err := t.exec(ctx, `insert into tokens (hash, id, agent_id, kind, label, expires_at)
			select $1, $2, agent_id, kind, label, $3 from tokens where id = $4`, hash, id, orNull(expires), old)
		if err == nil && !made {
			return interaction.Unknown("token")
		}
		if err != nil {
			return err
		}
		return t.audit(ctx, event{Code: "token.rotated", Actor: by, Data: map[string]any{"old": old, "token": id}})
	})
	return id, err
}

// RevokeToken ends a token; one that is over already stays so.
func (s *Store) RevokeToken(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.revoke(ctx, by, `id = $1`, id) })
}

// SetPassword keeps an agent's new encoded password and ends all his sessions except the one of the token that asks.
func (s *Store) SetPassword(ctx context.Context, by interaction.Actor, agent interaction.ID, encoded string) error {
	return s.inTx(ctx, func(t *tx) error {
		found, err := t.exec(ctx, `update agents set password = $2, version = version + 1 where id = $1`, agent, encoded)
		if err != nil {
			return err
		}
		if !found {
			return interaction.Unknown("agent")
		}
		if err := t.audit(ctx, event{Code: "agent.password_changed", Actor: by, Data: map[string]any{"agent": agent}}); err != nil {
			return err
		}
		return t.revoke(ctx, by, `agent_id = $1 and kind = 'session' and id is distinct from $2`, agent, by.Token)
	})
}

// SetEnabled lets an agent in or shuts him out at once, with all his tokens. The last admin who is left cannot be shut out.
func (s *Store) SetEnabled(ctx context.Context, by interaction.Actor, agent interaction.ID, enabled bool) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.lockAdmins(ctx, agent, enabled); err != nil {
			return err
		}
		changed, err := t.exec(ctx, `update agents set enabled = $2, ready = ready and $2, version = version + 1 where id = $1 and enabled <> $2`, agent, enabled)
		if err != nil || !changed {
			return err
		}
		t.tasks = true
		code := "agent.enabled"
		if !enabled {
			code = "agent.disabled"
			if err := t.revoke(ctx, by, `agent_id = $1`, agent); err != nil {
				return err
			}
		}
		return t.audit(ctx, event{Code: code, Actor: by, Data: map[string]any{"agent": agent}})
	})
}

// lockAdmins locks the admins that are left, so that two who shut each other out do not both succeed.
func (t *tx) lockAdmins(ctx context.Context, agent interaction.ID, enabled bool) error {
	rows, err := t.Query(ctx, `select id from agents where enabled and role = 'admin' or id = $1 order by id for update`, agent)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	if err != nil {
		return err
	}
	left, found := 0, false
	for _, id := range ids {
		if id == agent {
			found = true
		} else {
			left++
		}
	}
	switch {
	case !found:
		return interaction.Unknown("agent")
	case !enabled && left == 0:
		return interaction.Conflict("last_admin", "nobody would be left to administer; make another admin first")
	}
	return nil
}

// revoke ends tokens and writes a line for each.
func (t *tx) revoke(ctx context.Context, by interaction.Actor, which string, args ...any) error {
	rows, err := t.Query(ctx, `update tokens set revoked_at = now() where revoked_at is null and `+which+` returning id`, args...)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.audit(ctx, event{Code: "token.revoked", Actor: by, Data: map[string]any{"token": id}}); err != nil {
			return err
		}
	}
	return nil
}

func orNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
