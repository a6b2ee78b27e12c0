package store

import (
	"bytes"
	"context"
	"encoding/json"

	"parley/interaction"
)

type requestKey struct{}

// request is a client's Idempotency-Key with a hash of what it asked.
type request struct {
	key      string
	hash     []byte
	replayed *bool
}

// WithRequest marks everything that is done under the context as one request of the client: done a second
// time under the same key it gives the first answer again and changes nothing; the same key with
// another hash is a conflict. replayed is set when the answer is an old one.
func WithRequest(ctx context.Context, key string, hash []byte, replayed *bool) context.Context {
	return context.WithValue(ctx, requestKey{}, request{key, hash, replayed})
}

// act runs a command of a person in one transaction and keeps its answer under the request's key, if it has one, in the same transaction.
func act[T any](ctx context.Context, s *Store, by interaction.Actor, fn func(*tx) (T, error)) (T, error) {
	var answer T
	req, once := ctx.Value(requestKey{}).(request)
	err := s.inTx(ctx, func(t *tx) error {
		if once {
			old, err := t.firstAnswer(ctx, by, req)
			if err != nil {
				return err
			}
			if old != nil {
				*req.replayed = true
				return json.Unmarshal(old, &answer)
			}
		}
		var err error
		if answer, err = fn(t); err != nil || !once {
			return err
		}
		kept, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, `update requests set answer = $3 where actor = $1 and key = $2`, by.Agent, req.key, json.RawMessage(kept))
		return err
	})
	return answer, err
}

// firstAnswer makes the key ours, or gives what was answered the first time. A
// second request with the key waits here for the end of the first.
func (t *tx) firstAnswer(ctx context.Context, by interaction.Actor, req request) (json.RawMessage, error) {
	isNew, err := t.exec(ctx, `insert into requests (actor, key, hash) values ($1, $2, $3) on conflict do nothing`, by.Agent, req.key, req.hash)
	if err != nil || isNew {
		return nil, err
	}
	var hash []byte
	var answer json.RawMessage
	if err := t.QueryRow(ctx, `select hash, answer from requests where actor = $1 and key = $2`, by.Agent, req.key).Scan(&hash, &answer); err != nil {
		return nil, err
	}
	if !bytes.Equal(hash, req.hash) {
		return nil, interaction.Conflict("key_reused", "this Idempotency-Key was used for another request; take a new one")
	}
	return answer, nil
}

// ForgetRequests drops the answers of requests older than a day; run hourly.
func (s *Store) ForgetRequests(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `delete from requests where at < now() - interval '1 day'`)
	return translate(err)
}
