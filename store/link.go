package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// linkLease is how long a lease of a link holds without being renewed.
const linkLease = 10 * time.Second

// putLinks writes what the setup names. Who works on a link that changed begins anew, at the position where it is.
func (t *tx) putLinks(ctx context.Context, setup interaction.Setup) error {
	for _, l := range setup.Links {
		settings := l.Settings
		if settings == nil {
			settings = map[string]any{}
		}
		_, err := t.Exec(ctx, `insert into links (name, kind, entry_point, enabled, settings, secret) values ($1, $2, $3, $4, $5, $6)
			on conflict (name) do update set (kind, entry_point, enabled, settings, secret, version)
				= (excluded.kind, excluded.entry_point, excluded.enabled, excluded.settings, excluded.secret, links.version + 1)`,
			l.Name, l.Kind, l.EntryPoint, !l.Disabled, settings, l.Secret)
		if err != nil {
			return named(err, interaction.ListLinks, l.Name)
		}
	}
	return nil
}

const linkColumns = `name, kind, entry_point, not enabled, settings, secret`

// Links lists all links by name, each with how it is doing.
func (s *Store) Links(ctx context.Context) ([]interaction.LinkView, error) {
	rows, err := s.pool.Query(ctx, `select `+linkColumns+`, state, detail, state_at, case when leased_until > now() then coalesce(holder, '') else '' end
		from links order by name`)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v interaction.LinkView, err error) {
		return v, row.Scan(&v.Name, &v.Kind, &v.EntryPoint, &v.Disabled, &v.Settings, &v.Secret, &v.State, &v.Detail, &v.Since, &v.Holder)
	})
	return list, translate(err)
}

// LinkLease is one process's lease of one link.
type LinkLease struct {
	store   *Store
	link    interaction.Link
	epoch   int64
	version int64
	until   time.Time
}

// TakeLinks renews the leases that this process holds on links of these kinds and takes those that nobody holds; a link that it does not give is not (or no
// longer) this process's. It writes only where there is something to take or to renew.
func (s *Store) TakeLinks(ctx context.Context, holder string, kinds []string) ([]*LinkLease, error) {
	asked := time.Now()
	rows, err := s.pool.Query(ctx, `
		update links set epoch = epoch + case when holder = $1 and leased_until > now() then 0 else 1 end, holder = $1, leased_until = now() + make_interval(secs => $2)
		where enabled and kind = any($3) and (holder = $1 or leased_until is null or leased_until <= now())
		returning `+linkColumns+`, epoch, version`, holder, linkLease.Seconds(), some(kinds))
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*LinkLease, error) {
		l := &LinkLease{store: s, until: asked.Add(linkLease)}
		return l, row.Scan(&l.link.Name, &l.link.Kind, &l.link.EntryPoint, &l.link.Disabled, &l.link.Settings, &l.link.Secret, &l.epoch, &l.version)
	})
	return list, translate(err)
}

// FreeLinks gives back what this process holds, so that another one takes it at once.
func (s *Store) FreeLinks(ctx context.Context, holder string) error {
	_, err := s.pool.Exec(ctx, `update links set leased_until = null, state = 'idle', detail = '', state_at = now() where holder = $1 and leased_until > now()`, holder)
	return translate(err)
}

// Link is the link under the lease, with the settings that it was taken with.
func (l *LinkLease) Link() interaction.Link { return l.link }

// Epoch grows with each holder.
func (l *LinkLease) Epoch() int64 { return l.epoch }

// Version grows with each change of the link's settings.
func (l *LinkLease) Version() int64 { return l.version }

// Until is when the lease ends unless it is renewed, by this process's clock: not later than PostgreSQL thinks.
func (l *LinkLease) Until() time.Time { return l.until }

// Position reads the position that was kept last; into stays as it is when there is none.
func (l *LinkLease) Position(ctx context.Context, into any) error {
	var raw []byte
	err := l.store.pool.QueryRow(ctx, `select position from links where name = $1`, l.link.Name).Scan(&raw)
	if noRows(err) {
		return lost(l.link.Name)
	}
	if err != nil || raw == nil {
		return translate(err)
	}
	return json.Unmarshal(raw, into)
}

// Move keeps a position, if the lease still stands: a conflict says that another process works on the link now.
func (l *LinkLease) Move(ctx context.Context, position any) error {
	tag, err := l.store.pool.Exec(ctx, `update links set position = $3 where name = $1 and epoch = $2 and enabled`, l.link.Name, l.epoch, position)
	if err == nil && tag.RowsAffected() == 0 {
		return lost(l.link.Name)
	}
	return translate(err)
}

func lost(name string) error {
	return interaction.Conflict("lease_lost", "link %q is worked on by another process, disabled or gone", name)
}

// Tell writes down how the link is doing, when that is news.
func (l *LinkLease) Tell(ctx context.Context, state interaction.LinkState, detail string) {
	detail = clip(detail, 300)
	if _, err := l.store.pool.Exec(ctx, `update links set state = $3, detail = $4, state_at = now()
		where name = $1 and epoch = $2 and (state, detail) is distinct from ($3, $4)`, l.link.Name, l.epoch, state, detail); err != nil && ctx.Err() == nil {
		l.store.log.Warn("the state of a link was not written", "link", l.link.Name, "error", err)
	}
}
