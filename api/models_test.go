package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// judgement is a report as trainings keep it: half of "returns" is taken for "orders".
func judgement(f1 float64) string {
	return fmt.Sprintf(`{"learned":40,"judged":10,"profile":"fast","outside_recall":-1,"micro_f1":-1,"report":{"samples":10,"accuracy":0.8,"top3":1,"macro_f1":%[1]v,"ece":0.02,
		"categories":[{"category":"orders","samples":6,"predicted":8,"right":6,"precision":0.75,"recall":1,"f1":%[1]v,"thresholds":{"auto":0.9,"route":0.4,"suggestion":0.1}},
			{"category":"returns","samples":4,"predicted":2,"right":2,"precision":1,"recall":0.5,"f1":0.66,"thresholds":{"auto":1.01,"route":0.3,"suggestion":0}}],
		"confusion":[{"true":"returns","given":"orders","count":2,"share":0.5}],
		"curve":[{"confidence":0.9,"precision":1,"recall":0.5},{"confidence":0.2,"precision":0.8,"recall":0.8}],
		"reliability":[{"confidence":0.8,"right":0.8,"samples":10}]}}`, f1)
}

func (h *house) model(report string) interaction.ID {
	id := interaction.NewID()
	h.exec(`insert into models (id, name, language, report, data) values ($1, 'category', 'en', $2, 'x')`, id, report)
	return id
}

// Models are looked at, compared, put into use and gone back from.
func TestModels(t *testing.T) {
	h := newHouse(t)
	old, better := h.model(judgement(0.7)), h.model(judgement(0.86))
	one := h.do("dan", get, "/v1/models/"+string(better), "")
	require.Equal(t, 200, one.status, one)
	figures := one.body["figures"].(map[string]any)
	require.EqualValues(t, 0.8, figures["accuracy"])
	require.Equal(t, "returns", figures["mixed"].([]any)[0].(map[string]any)["true"], "what is mixed up is pointed out")
	require.Contains(t, string(one.raw), `"suggestion"`, "with the thresholds that the texts suggest")
	listed := h.do("dan", get, "/v1/models?language=en", "").items()
	require.Equal(t, string(better), listed[0]["id"], "the newest first")
	require.NotContains(t, listed[0], "report")

	compared := h.do("dan", get, fmt.Sprintf("/v1/models/%s/comparison?with=%s", better, old), "")
	require.Equal(t, 200, compared.status, compared)
	rows := compared.body["categories"].([]any)
	require.Equal(t, "orders", rows[1].(map[string]any)["category"])
	require.InDelta(t, 0.16, rows[1].(map[string]any)["difference"], 1e-9)
	bare := h.model(`{"source":"abc"}`)
	require.Equal(t, "no_report", h.do("dan", get, fmt.Sprintf("/v1/models/%s/comparison?with=%s", better, bare), "").str("code"))
	require.Equal(t, 404, h.do("dan", get, "/v1/models/"+string(bare)+"/report", "").status)

	page := h.do("dan", get, "/v1/models/"+string(better)+"/report", "")
	require.Equal(t, 200, page.status)
	require.Contains(t, string(page.raw), "<svg")

	for _, id := range []interaction.ID{old, better} {
		used := h.do("dan", post, "/v1/models/"+string(id)+"/activate", "")
		require.Equal(t, 200, used.status, used)
		require.Equal(t, true, used.body["active"])
	}
	require.Equal(t, false, h.do("dan", get, "/v1/models/"+string(old), "").body["active"], "one a language")
	back := h.do("dan", post, "/v1/models/rollback", `{"language":"en"}`)
	require.Equal(t, 200, back.status, back)
	require.Equal(t, string(old), back.str("id"))
	require.Equal(t, "no_model_before", h.do("dan", post, "/v1/models/rollback", `{"language":"de"}`).str("code"))
}

// A training is ordered from sets that exist, looked at, and stopped once.
func TestTrainings(t *testing.T) {
	h := newHouse(t)
	refused := h.do("dan", put, "/v1/text-sets/mail", `{"language":"en","file":"text,category\n\"unclosed"}`)
	require.Equal(t, 422, refused.status, refused)
	require.Equal(t, "bad_texts", refused.str("code"))
	require.Contains(t, string(refused.raw), "line", "it says where")
	kept := h.do("dan", put, "/v1/text-sets/mail", `{"language":"en","file":"text,category\nwhere is it,order\nweather,oos\n"}`)
	require.Equal(t, 200, kept.status, kept)
	require.EqualValues(t, 2, kept.body["size"])

	for name, body := range map[string]string{
		"nothing to learn from": `{"language":"en"}`, "a set that is not there": `{"language":"en","sets":["none"]}`,
		"a set of another language": `{"language":"de","sets":["mail"]}`, "no such profile": `{"language":"en","sets":["mail"],"profile":"slow"}`,
	} {
		answer := h.do("dan", post, "/v1/trainings", body)
		require.Equal(t, 422, answer.status, "%s: %s", name, answer)
	}
	ordered := h.do("dan", post, "/v1/trainings", `{"language":"en","sets":["mail"]}`)
	require.Equal(t, 201, ordered.status, ordered)
	require.Equal(t, "queued", ordered.str("state"))
	require.Equal(t, "accurate", ordered.str("profile"))
	path := "/v1/trainings/" + ordered.str("id")
	require.Len(t, h.do("dan", get, "/v1/trainings", "").items(), 1)
	require.Equal(t, "cancelled", h.do("dan", post, path+"/cancel", "").str("state"))
	again := h.do("dan", post, path+"/cancel", "")
	require.Equal(t, 409, again.status, again)
	require.Equal(t, 204, h.do("dan", del, "/v1/text-sets/mail", "").status)
	require.Empty(t, h.do("dan", get, "/v1/text-sets", "").items())
	require.NotContains(t, string(h.do("dan", get, "/v1/trainings", "").raw), "where is it", "texts stay inside")
}
