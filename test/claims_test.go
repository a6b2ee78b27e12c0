package test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/api"
	"parley/interaction"
	"parley/lib/auth"
	"parley/store"
	"parley/store/storetest"
)

const (
	racers  = 100 // clients
	rounds  = 10  // claims of each
	holders = 40  // agents, with a limit of 3
	prizes  = 200 // tasks
)

// 1,000 claims by 100 clients of 40 agents on 200 tasks, over HTTP: each task has one holder at a time, nobody is above his limit at
// any moment, a loser is told who has it, and the audit says the same.
func TestManyClaimsAtOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	setup := interaction.Setup{}
	for i := range holders {
		setup.Agents = append(setup.Agents, interaction.NewAgent{
			Login: fmt.Sprintf("agent%d", i), Name: "Agent", Role: interaction.RoleAgent, Groups: []string{"service"}, Limits: map[string]int{"email": 3, "total": 3},
		})
	}
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
	tokens := make([]string, holders)
	for i := range holders {
		agent, err := s.AgentByLogin(t.Context(), fmt.Sprintf("agent%d", i))
		require.NoError(t, err)
		token, hash := auth.NewToken()
		_, err = s.CreateToken(t.Context(), interaction.System, interaction.NewToken{Agent: agent, Kind: interaction.TokenAPI, Hash: hash[:]})
		require.NoError(t, err)
		tokens[i] = token
	}
	tasks := make([]string, prizes)
	for i := range prizes {
		tasks[i] = string(newTask(t, s, i))
	}
	web := httptest.NewServer(api.New(api.Deps{Store: s, Once: store.WithRequest, Log: slog.New(slog.DiscardHandler), RatePerSecond: 1e6, Burst: 1e6}))
	defer web.Close()

	var wg sync.WaitGroup
	faults := make(chan string, racers*rounds)
	for client := range racers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			token := tokens[client%holders]
			for range rounds {
				task := tasks[random.IntN(prizes)]
				code, body := post(t, web.URL+"/v1/tasks/"+task+"/claim", token)
				switch {
				case code == http.StatusOK && random.IntN(2) == 0:
					if code, body := post(t, web.URL+"/v1/tasks/"+task+"/release", token); code >= 300 {
						faults <- fmt.Sprintf("release of a held task: %d %v", code, body)
					}
				case code == http.StatusOK:
				case code == http.StatusConflict && body["code"] == "at_capacity":
				case code == http.StatusConflict && body["code"] == "task_taken" && body["agent"] != nil:
				case code == http.StatusConflict && body["code"] == "try_again":
				default:
					faults <- fmt.Sprintf("claim: %d %v", code, body)
				}
			}
		})
	}
	wg.Wait()
	close(faults)
	for f := range faults {
		t.Error(f)
	}
	checkAudit(t, s)
}

// checkAudit plays the audit's lines in their order: they are numbered under the locks of task and agent.
func checkAudit(t *testing.T, s *store.Store) {
	rows, err := s.Pool().Query(t.Context(), `select code, task_id, data->>'agent' from events where code in ('task.claimed', 'task.released') order by position`)
	require.NoError(t, err)
	defer rows.Close()
	holder, held, claims := map[string]string{}, map[string]int{}, 0
	for rows.Next() {
		var code, task, agent string
		require.NoError(t, rows.Scan(&code, &task, &agent))
		if code == "task.released" {
			require.Equal(t, holder[task], agent, "%s was released by who did not hold it", task)
			delete(holder, task)
			held[agent]--
			continue
		}
		claims++
		require.Empty(t, holder[task], "%s had a holder when %s claimed it", task, agent)
		holder[task] = agent
		held[agent]++
		require.LessOrEqual(t, held[agent], 3, "%s is above the limit", agent)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, claims, 100)
	var wrong int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from agents a where load_total <> (select count(*) from tasks t where t.agent_id = a.id and t.state = 'held')`).Scan(&wrong))
	require.Zero(t, wrong)
	for task, agent := range holder {
		var now string
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select agent_id from tasks where id = $1`, task).Scan(&now))
		require.Equal(t, agent, now)
	}
}

// newTask makes an interaction with a task that waits.
func newTask(t *testing.T, s *store.Store, n int) interaction.ID {
	raw := fmt.Sprintf("Subject: %d\r\n\r\nrace", n)
	_, err := s.Accept(t.Context(), interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(t, err)
	taken, err := s.Take(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, taken, 1)
	address := fmt.Sprintf("c%d@customer.test", n)
	require.NoError(t, s.Settle(t.Context(), taken[0], interaction.Parsed{
		Message: interaction.Message{From: interaction.Address{Address: address}}, Identities: []interaction.Attribute{{Kind: "email", Value: address}},
	}))
	var id interaction.ID
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select interaction_id from inbound where id = $1`, taken[0].ID).Scan(&id))
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	return task
}

func post(t *testing.T, url, token string) (int, map[string]any) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	var body map[string]any
	_ = json.NewDecoder(res.Body).Decode(&body)
	return res.StatusCode, body
}
