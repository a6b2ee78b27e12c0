package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// query builds the condition of a list. The first three arguments are always those of who asks: role, agent, groups.
type query struct {
	where []string
	args  []any
}

func asked(by interaction.Actor, visible string) *query {
	return &query{where: []string{visible}, args: []any{by.Role, by.Agent, some(by.Groups)}}
}

// and adds a condition; each "?" in it stands for the next value.
func (q *query) and(condition string, values ...any) {
	for _, v := range values {
		q.args = append(q.args, v)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(q.args)), 1)
	}
	q.where = append(q.where, condition)
}

// equal adds a condition for a value that is not empty.
func equal[T ~string](q *query, column string, value T) {
	if value != "" {
		q.and(column+" = ?", string(value))
	}
}

// oneOf adds a condition for a list that is not empty.
func oneOf[T ~string](q *query, column string, values []T) {
	if len(values) > 0 {
		list := make([]string, len(values))
		for n, v := range values {
			list[n] = string(v)
		}
		q.and(column+" = any(?)", list)
	}
}

func (q *query) sql() string { return " where " + strings.Join(q.where, " and ") }

// statement is a list's query for one row more than the page holds.
func (q *query) statement(from, order string, page interaction.Page) string {
	return from + q.sql() + " order by " + order + " limit " + strconv.Itoa(page.Limit+1)
}

// collect runs a list's query for one row more than the page holds, which tells whether there is a next page.
func collect[T any](ctx context.Context, s *Store, q *query, page interaction.Page, scan pgx.RowToFunc[T], from, order string, key func(T) string) (interaction.Listed[T], error) {
	var list interaction.Listed[T]
	rows, err := s.pool.Query(ctx, q.statement(from, order, page), q.args...)
	if err != nil {
		return list, translate(err)
	}
	list.Items, err = pgx.CollectRows(rows, scan)
	if err != nil {
		return list, translate(err)
	}
	if len(list.Items) > page.Limit {
		list.Items = list.Items[:page.Limit]
		list.Next = key(list.Items[page.Limit-1])
	}
	return list, nil
}

// after reads the key where the page before ended into targets.
func after(key string, targets ...any) error {
	parts := strings.SplitN(key, " ", len(targets))
	if len(parts) != len(targets) {
		return badCursor()
	}
	for n, part := range parts {
		var err error
		switch target := targets[n].(type) {
		case *interaction.ID:
			*target, err = interaction.ParseID("cursor", part)
		case *int:
			*target, err = strconv.Atoi(part)
		case *time.Time:
			*target, err = time.Parse(time.RFC3339Nano, part)
		case *string:
			*target = part
		default:
			err = fmt.Errorf("cannot read a cursor into %T", target)
		}
		if err != nil {
			return badCursor()
		}
	}
	return nil
}

func badCursor() error {
	return interaction.Invalid("bad_cursor", "cursor", "is not a cursor that was given out here; leave it away to begin anew")
}

func keyOf(parts ...any) string {
	out := make([]string, len(parts))
	for n, p := range parts {
		if at, ok := p.(time.Time); ok {
			out[n] = at.UTC().Format(time.RFC3339Nano)
			continue
		}
		out[n] = fmt.Sprint(p)
	}
	return strings.Join(out, " ")
}

// sorting finds the order of a list by the name that was asked for.
func sorting[T any](orders map[string]T, page interaction.Page, otherwise string) (T, error) {
	name := page.Sort
	if name == "" {
		name = otherwise
	}
	order, ok := orders[name]
	if !ok {
		names := make([]string, 0, len(orders))
		for n := range orders {
			names = append(names, n)
		}
		slices.Sort(names)
		return order, interaction.Invalid("bad_sort", "sort", "is one of %s", strings.Join(names, ", "))
	}
	return order, nil
}
