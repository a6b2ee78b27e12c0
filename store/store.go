// Package store keeps everything in PostgreSQL: one file an aggregate. It is
// where possession is decided: each public method is one transaction of
// conditional statements, the audit event in it, and zero rows changed is a conflict
// that says who or what stood in the way (architecture rules 3 to 6).
package store

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"

	"parley/interaction"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the house's PostgreSQL.
type Store struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	wake Wake

	renderer   Renderer
	guard      LoopGuard
	others     *Others
	mailDomain string
	partsLimit time.Duration
	hours      Hours
	numbers    Numbers

	entries entryCache
	desk    claimDesk
	holders together[[]byte, interaction.Actor] // of tokens

	keyLock sync.Mutex
	key     []byte // signs reply addresses
}

// Options are what the store is told of the house.
type Options struct {
	Wake      Wake
	Renderer  Renderer  // fills standard responses
	LoopGuard LoopGuard // zero: DefaultLoopGuard
	Others    *Others   // nil: this is the only process
	Hours     Hours     // counts open time; nil: all time is
	Numbers   Numbers   // reads telephone numbers; nil: only E.164 is read
	Log       *slog.Logger

	PartsLimit time.Duration   // how long the parts of a long message are waited for; zero: DefaultPartsLimit
	MailDomain string          // right side of the Message-IDs we make; empty: localhost
	Tracer     pgx.QueryTracer // hears of each statement; nil: nobody does
}

// Wake is told, after a commit, what there is to do; the process's own background parts listen. Losing a
// call costs a second: every part polls as well.
type Wake struct {
	Inbound func() // something was accepted
	Outbox  func() // a workflow is to be started or signalled
	Tasks   func() // a task or an agent changed
	Events  func() // there are new events

	Chats      func([]interaction.ChatAppended) // messages were appended to chats; a hub that is behind reads them by number
	ChatNotice func(interaction.ChatNotice)     // somebody said something about a chat that is not kept
}

// Open connects to the database and refuses one that could lose what it
// confirmed: fsync and synchronous_commit must be on.
func Open(ctx context.Context, url string, opt Options) (*Store, error) {
	opt.MailDomain = cmp.Or(opt.MailDomain, "localhost")
	opt.PartsLimit = cmp.Or(opt.PartsLimit, DefaultPartsLimit)
	if opt.LoopGuard == (LoopGuard{}) {
		opt.LoopGuard = DefaultLoopGuard
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, interaction.Invalid("bad_database_url", "PARLEY_DATABASE_URL", "is not a PostgreSQL URL: %v", err)
	}
	if config.MaxConns < 16 {
		config.MaxConns = 32
	}
	config.ConnConfig.RuntimeParams["application_name"] = "parley"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	// Statements are prepared once a connection and look rows up by key: one plan for all values is right, and planning anew
	// for each of them cost more than running (partitioned tables most).
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.ConnConfig.Tracer = opt.Tracer
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	// Background parts look once a second: asking each time first whether the connection is good would double what an idle house costs.
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > 5*time.Second }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	s := &Store{pool: pool, log: opt.Log, wake: opt.Wake.withDefaults(), renderer: opt.Renderer, guard: opt.LoopGuard, others: opt.Others, mailDomain: opt.MailDomain, partsLimit: opt.PartsLimit, hours: opt.Hours}
	s.holders.answer = s.holdersOf
	if s.hours == nil {
		s.hours = allHours{}
	}
	if s.numbers = opt.Numbers; s.numbers == nil {
		s.numbers = plainNumbers{}
	}
	if err := s.checkDurable(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// Close ends all connections; running statements are waited for.
func (s *Store) Close() { s.pool.Close() }

// Pool is for tests and measurements only.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping answers nil when PostgreSQL answers.
func (s *Store) Ping(ctx context.Context) error { return translate(s.pool.Ping(ctx)) }

func (w Wake) withDefaults() Wake {
	for _, f := range []*func(){&w.Inbound, &w.Outbox, &w.Tasks, &w.Events} {
		if *f == nil {
			*f = func() {}
		}
	}
	if w.Chats == nil {
		w.Chats = func([]interaction.ChatAppended) {}
	}
	if w.ChatNotice == nil {
		w.ChatNotice = func(interaction.ChatNotice) {}
	}
	return w
}

func (s *Store) checkDurable(ctx context.Context) error {
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := s.pool.QueryRow(ctx, "select current_setting($1)", name).Scan(&value); err != nil {
			return fmt.Errorf("read setting %s: %w", name, err)
		}
		if value == "off" || name == "synchronous_commit" && value == "local" {
			return interaction.Invalid("not_durable", name,
				"PostgreSQL runs with %s=%s and could lose what it confirmed; set it to on and start again", name, value)
		}
	}
	return nil
}

// Migrate brings the schema to this build's version, under a lock, and makes the partitions of the coming months.
func Migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	m, err := newMigrator(ctx, conn)
	if err != nil {
		return err
	}
	if err := m.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	_, err = conn.Exec(ctx, "select make_months(now() - interval '1 month', 4)")
	return err
}

// CheckSchema refuses a schema older or newer than this build's.
func (s *Store) CheckSchema(ctx context.Context) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	m, err := newMigrator(ctx, conn.Conn())
	if err != nil {
		return err
	}
	have, err := m.GetCurrentVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if want := int32(len(m.Migrations)); have != want {
		return interaction.Invalid("schema_version", "database",
			"its schema is version %d and this build needs %d; run parley migrate with the newer build", have, want)
	}
	return nil
}

// MakeMonths makes the partitions of the coming months; run daily.
func (s *Store) MakeMonths(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "select make_months(now(), 3)")
	return translate(err)
}

func newMigrator(ctx context.Context, conn *pgx.Conn) (*migrate.Migrator, error) {
	m, err := migrate.NewMigrator(ctx, conn, "schema_version")
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if err := m.LoadMigrations(files); err != nil {
		return nil, fmt.Errorf("load migrations: %w", err)
	}
	return m, nil
}

// inTx runs fn in one transaction and tells the background parts afterwards what it left for them. It is run again, in a new one, when a contact that it
// found was merged into another meanwhile.
func (s *Store) inTx(ctx context.Context, fn func(*tx) error) error {
	var t *tx
	run := func() error {
		t = &tx{mailDomain: s.mailDomain, hours: s.hours}
		return s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			p := begin(c.Conn())
			t.Tx, t.pipe = p, p.pipe
			defer func() { _ = p.Rollback(ctx) }() // nothing once it is committed; a connection that could not take it back is not used again
			if err := fn(t); err != nil {
				return err
			}
			return p.Commit(ctx)
		})
	}
	err := run()
	for again := 0; errors.Is(err, errMerged) && again < maxMerged; again++ {
		err = run()
	}
	if err != nil {
		return translate(err)
	}
	s.others.add(t.tell(s.wake)...)
	if len(t.chats) > 0 {
		s.wake.Chats(t.chats)
		s.others.addChats(t.chats)
	}
	return nil
}

// tx is a transaction that remembers whom to wake once it is committed.
type tx struct {
	pgx.Tx
	pipe                           *pipe
	mailDomain                     string
	hours                          Hours
	inbound, outbox, tasks, events bool
	chats                          []interaction.ChatAppended
}

// tell rings this process's parts and gives the topics for the others.
func (t *tx) tell(w Wake) (topics []string) {
	for i, said := range []struct {
		is   bool
		ring func()
	}{{t.inbound, w.Inbound}, {t.outbox, w.Outbox}, {t.tasks, w.Tasks}, {t.events, w.Events}} {
		if said.is {
			said.ring()
			topics = append(topics, topicNames[i])
		}
	}
	return topics
}

// put runs a statement that nobody waits for: it goes with the next one, or the commit, which then gives its error.
func (t *tx) put(sql string, args ...any) { t.pipe.put(sql, args...) }

// exec runs one conditional statement and reports whether it changed a row.
func (t *tx) exec(ctx context.Context, sql string, args ...any) (bool, error) {
	tag, err := t.Exec(ctx, sql, args...)
	return err == nil && tag.RowsAffected() > 0, err
}

// lower makes addresses comparable.
func lower(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
