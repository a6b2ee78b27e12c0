package test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// An erasure is killed in three of its moments, with all of the house at once: as soon as it is ordered, while what is open stops, and while rows are emptied.
// letters are more than what is emptied in one transaction.
const letters = 25

// TestAnErasureSurvivesAnyKill has a person forgotten who wrote a lot, kills everything -9 in the middle, starts it again, and looks for him in every row of every
// database and in the files beside them (§N1).
func TestAnErasureSurvivesAnyKill(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann, sue, root := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN"), p.person("PARLEY_ADMIN_TOKEN")
	other := wire.Mail{From: "Olaf <olaf@customers.example.test>", Subject: "Where is order 77?", MessageID: "olaf-77@customers.example.test", Text: "I, Olafsson, wait."}
	p.mail("olaf@customers.example.test", other)
	kept := p.find(root, other.Subject)

	interrupted := 0
	for n, states := range [][]string{{"stopping", "erasing", "done"}, {"erasing", "done"}, {"erasing", "done"}} {
		contact := p.writesMuch(ann, sue, root, n)
		require.NotEmpty(t, p.leftOf(t, canary), "the search finds nothing of somebody who is there")
		var erasure struct{ ID string }
		p.call(root, http.MethodPost, "/v1/contacts/"+contact+"/erasure", map[string]any{"reason": "asked_for"}, &erasure)
		p.await(stepLimit, "the moment to kill", func(ctx context.Context) error {
			for _, state := range states {
				if stands(ctx, root, "/v1/erasures/"+erasure.ID, state) == nil {
					return nil
				}
			}
			return fmt.Errorf("not one of %v", states)
		})
		p.letPass(time.Duration(max(0, n-1)) * 30 * time.Millisecond)
		p.kill(everything)
		killed := time.Now()
		p.ready()

		var ended struct {
			State   string     `json:"state"`
			Erased  int        `json:"erased"`
			EndedAt *time.Time `json:"ended_at"`
		}
		p.await(time.Minute, "the erasure", func(ctx context.Context) error {
			if err := root.Call(ctx, http.MethodGet, "/v1/erasures/"+erasure.ID, "", nil, &ended); err != nil {
				return err
			}
			if ended.State != "done" {
				return fmt.Errorf("it is %s", ended.State)
			}
			return nil
		})
		require.Equal(t, letters, ended.Erased)
		if ended.EndedAt.After(killed) {
			interrupted++
		}
		require.Empty(t, p.leftOf(t, canary), "somebody who was forgotten is left, killed as it was %v", states[0])
	}
	require.Positive(t, interrupted, "no kill came before the end of an erasure: this test shows nothing")
	require.Equal(t, other.Subject, p.interaction(root, kept.ID).Subject, "who was not to be forgotten is there")
	require.NotEmpty(t, p.leftOf(t, "Olafsson"))
	p.stop()
}

// writesMuch has the nth person write, and be answered once, and gives his contact.
func (p *product) writesMuch(ann, sue, root wire.Client, n int) (contact string) {
	p.t.Helper()
	from := fmt.Sprintf("karla%d.%s@canary.test", n, strings.ToLower(canary))
	for i := range letters {
		p.mail(from, wire.Mail{
			From: canary + " <" + from + ">", Subject: fmt.Sprintf("Order %d-%d of %s", n, i, canary), Text: "Please tell me where it is. Yours, " + canary,
			MessageID: fmt.Sprintf("%d-%d@canary.test", n, i),
		})
	}
	var his []wire.Interaction
	p.await(stepLimit, "all letters", func(ctx context.Context) error {
		all, err := wire.List[wire.Interaction](ctx, root, "/v1/interactions", nil)
		if err != nil {
			return err
		}
		his = nil
		for _, i := range all {
			if strings.HasPrefix(i.Subject, fmt.Sprintf("Order %d-", n)) && i.State == "waiting" {
				his = append(his, i)
			}
		}
		if len(his) != letters {
			return fmt.Errorf("%d of %d wait for people", len(his), letters)
		}
		return nil
	})
	task := p.taskOf(ann, his[0].ID)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task+"/claim", nil, nil)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task+"/reply", map[string]any{"text": "Dear " + canary + ", it is on its way."}, nil)
	p.await(stepLimit, "the answer to be on its way or before a reviewer", func(ctx context.Context) error {
		var i wire.Interaction
		if err := root.Call(ctx, http.MethodGet, "/v1/interactions/"+his[0].ID, "", nil, &i); err != nil || i.State == "stopped" {
			return err
		}
		reviews, err := wire.List[wire.Task](ctx, sue, "/v1/reviews", nil)
		for _, r := range reviews {
			if r.InteractionID == his[0].ID {
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("it is %s", i.State)
		}
		return err
	})
	return his[0].ContactID
}

// taskOf gives the task of an interaction that waits for people.
func (p *product) taskOf(by wire.Client, id string) (task string) {
	p.t.Helper()
	p.await(stepLimit, "the task", func(ctx context.Context) error {
		all, err := wire.List[wire.Task](ctx, by, "/v1/tasks", nil)
		for _, t := range all {
			if t.InteractionID == id && t.Kind == "handle" {
				task = t.ID
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("not among %d", len(all))
		}
		return err
	})
	return task
}

// leftOf gives where a word is left: in a row of any database of the house's own cluster, as a dump prints it, or in a file beside it.
func (p *product) leftOf(t *testing.T, word string) (where []string) {
	t.Helper()
	for _, database := range []string{"parley", "temporal", "temporal_visibility"} {
		conn, err := pgx.Connect(t.Context(), p.database(database))
		require.NoError(t, err)
		for _, table := range leftIn(t, conn, word) {
			where = append(where, database+": "+table)
		}
		require.NoError(t, conn.Close(t.Context()))
	}
	err := filepath.WalkDir(p.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "postgres" {
			return skipped(err)
		}
		if entry.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err == nil && containsAny(strings.ToLower(string(content)), spellings(word)) {
				where = append(where, path)
			}
		}
		return nil
	})
	require.NoError(t, err)
	return where
}

// skipped leaves out the cluster's own files, which were searched through SQL, and files that went meanwhile.
func skipped(err error) error {
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return fs.SkipDir
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
