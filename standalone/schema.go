package main

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	postgresschema "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
	sqltool "go.temporal.io/server/tools/sql"
)

// Names of the two databases, those that Temporal's own documentation uses.
const (
	mainDatabase       = "temporal"
	visibilityDatabase = "temporal_visibility"
)

// undefinedTable is PostgreSQL's SQLSTATE for a table that does not exist.
const undefinedTable = "42P01"

// prepareDatabases brings both databases to the schema of this server, by Temporal's own tools and migrations.
func prepareDatabases(opts options, logger log.Logger) error {
	for _, db := range []struct{ name, schema, version string }{
		{mainDatabase, "postgresql/v12/temporal", postgresschema.Version},
		{visibilityDatabase, "postgresql/v12/visibility", postgresschema.VisibilityVersion},
	} {
		if err := prepareDatabase(opts, db.name, db.schema, db.version, logger); err != nil {
			return fmt.Errorf("prepare database %s on %s: %w", db.name, opts.database, err)
		}
	}
	return nil
}

func prepareDatabase(opts options, name, schemaName, version string, logger log.Logger) error {
	if err := sqltool.DoCreateDatabase(sqlConfig(opts, name, 1), "postgres", logger); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	state, err := readState(opts, name, logger)
	if err != nil {
		return err
	}
	if state == halfMade {
		if err := recreate(opts, name, logger); err != nil {
			return err
		}
		state = empty
	}
	db, err := sqltool.NewConnection(sqlConfig(opts, name, 1), logger)
	if err != nil {
		return err
	}
	defer db.Close()
	if state == empty {
		setup := schema.NewSetupSchemaTask(db, &schema.SetupConfig{SchemaName: schemaName, InitialVersion: version}, logger)
		if err := setup.Run(); err != nil {
			return fmt.Errorf("set up schema: %w", err)
		}
		return nil
	}
	if err := schema.NewUpdateSchemaTask(db, &schema.UpdateConfig{SchemaName: schemaName}, logger).Run(); err != nil {
		return fmt.Errorf("update schema: %w", err)
	}
	return nil
}

// databaseState says how far an earlier set-up came. Temporal's tool creates the version table first and writes the
// version last, without a transaction; nothing but the set-up has run on a database without a version.
type databaseState int

const (
	empty databaseState = iota
	halfMade
	complete
)

func readState(opts options, name string, logger log.Logger) (databaseState, error) {
	db, err := sqltool.NewConnection(sqlConfig(opts, name, 1), logger)
	if err != nil {
		return empty, err
	}
	defer db.Close()
	_, err = db.ReadSchemaVersion()
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return complete, nil
	case errors.Is(err, sql.ErrNoRows):
		return halfMade, nil
	case !errors.As(err, &pgErr) || pgErr.Code != undefinedTable:
		return empty, fmt.Errorf("read schema version: %w", err)
	}
	tables, err := db.ListTables()
	if err != nil {
		return empty, fmt.Errorf("list tables: %w", err)
	}
	if len(tables) > 0 {
		return empty, fmt.Errorf("it holds tables that are not Temporal's (%s, …): use another PostgreSQL server or drop it", tables[0])
	}
	return empty, nil
}

// recreate throws away a database whose set-up was cut off.
func recreate(opts options, name string, logger log.Logger) error {
	if err := sqltool.DoDropDatabase(sqlConfig(opts, name, 1), "postgres", logger); err != nil {
		return fmt.Errorf("drop what a cut-off set-up left: %w", err)
	}
	if err := sqltool.DoCreateDatabase(sqlConfig(opts, name, 1), "postgres", logger); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}

func sqlConfig(opts options, database string, maxConns int) *config.SQL {
	return &config.SQL{
		PluginName:      postgresql.PluginNamePGX,
		ConnectAddr:     opts.database,
		ConnectProtocol: "tcp",
		User:            opts.user,
		Password:        opts.password,
		DatabaseName:    database,
		MaxConns:        maxConns,
		MaxIdleConns:    max(1, maxConns/4),
		MaxConnLifetime: connLifetime,
	}
}
