package survey

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// kept is a store of one survey.
type kept struct {
	sheet   interaction.SurveySheet
	answers map[string]string
	refused bool
	away    bool
}

func (k *kept) SurveyByToken(_ context.Context, token string) (interaction.SurveySheet, error) {
	if k.away {
		return interaction.SurveySheet{}, interaction.Unavailable("database_away", errors.New("connection refused at 10.0.0.1"))
	}
	if token != "right" {
		return interaction.SurveySheet{}, interaction.Unknown("survey")
	}
	k.sheet.Answered = k.answers != nil
	return k.sheet, nil
}

func (k *kept) AnswerSurvey(_ context.Context, _ interaction.ID, answers map[string]string) error {
	if k.answers != nil {
		return interaction.Conflict("answered", "your answers are here already")
	}
	read, _, err := k.sheet.Read(answers)
	if err == nil {
		k.answers = read
	}
	return err
}

func (k *kept) RefuseSurveys(context.Context, interaction.ID) error {
	k.refused = true
	return nil
}

func house(t *testing.T, language string) (*kept, http.Handler) {
	t.Helper()
	k := &kept{sheet: interaction.Survey{
		Intro: map[string]string{"en": "Two questions."}, Thanks: map[string]string{"en": "You are kind."},
		Questions: []interaction.SurveyQuestion{
			{Key: "how", Text: map[string]string{"en": "How was it?"}, Required: true},
			{Key: "why", Kind: interaction.SurveyChoice, Text: map[string]string{"en": "Why?"}, Choices: []string{"slow", `"><script>alert(1)</script>`}},
			{Key: "word", Kind: interaction.SurveyText, Text: map[string]string{"en": "More?"}},
		},
	}.Sheet(language)}
	k.sheet.House = "Example <b>Shop</b>"
	p, err := New(Options{}, k)
	require.NoError(t, err)
	return k, p.Handler()
}

func ask(t *testing.T, h http.Handler, method, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestThePageAsksAndTakesAnswersOnce(t *testing.T) {
	k, h := house(t, "en")
	w := ask(t, h, http.MethodGet, "/survey/right?score=4", nil)
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `name="q_how" value="4" checked`)
	require.Nil(t, k.answers, "opening a link answers nothing: mail programs open them by themselves")
	require.NotContains(t, w.Body.String(), "<script")
	require.NotContains(t, w.Body.String(), "<b>Shop")
	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'; style-src 'sha256-")
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))

	w = ask(t, h, http.MethodPost, "/survey/right", url.Values{"q_why": {"slow"}, "q_word": {"a <b>word"}})
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), `id="w_how" role="alert"`)
	require.Contains(t, w.Body.String(), `value="slow" checked`, "what was right is kept")
	require.Contains(t, w.Body.String(), "a &lt;b&gt;word")

	w = ask(t, h, http.MethodPost, "/survey/right", url.Values{"q_how": {"5"}, "q_word": {"Fine.\r\nReally."}, "q_state": {"stopped"}, "agent": {"x"}})
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "You are kind.")
	require.Equal(t, map[string]string{"how": "5", "word": "Fine.\nReally."}, k.answers)

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w = ask(t, h, method, "/survey/right", url.Values{"q_how": {"1"}})
		require.Contains(t, w.Body.String(), "here already")
	}
	require.Equal(t, "5", k.answers["how"])
}

func TestWhoWantsNoSurveysSaysSo(t *testing.T) {
	k, h := house(t, "en")
	w := ask(t, h, http.MethodPost, "/survey/right", url.Values{"never": {"1"}})
	require.Equal(t, http.StatusOK, w.Code)
	require.True(t, k.refused)
	require.Nil(t, k.answers)
	require.Contains(t, w.Body.String(), "not ask you again")
	w = ask(t, h, http.MethodPost, "/survey/right", url.Values{"never": {"1"}, "q_how": {"1"}})
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "1", k.answers["how"], "and may answer this one")
}

func TestWhatIsWrongWithALink(t *testing.T) {
	_, h := house(t, "de")
	w := ask(t, h, http.MethodGet, "/survey/wrong", nil)
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, http.StatusMethodNotAllowed, ask(t, h, http.MethodDelete, "/survey/right", nil).Code)
	for range burst {
		w = ask(t, h, http.MethodGet, "/survey/wrong", nil)
	}
	require.Equal(t, http.StatusTooManyRequests, w.Code, "guessing is slow")
	require.NotEmpty(t, w.Header().Get("Retry-After"))

	var k *kept
	k, h = house(t, "de")
	k.away = true
	w = ask(t, h, http.MethodGet, "/survey/right", nil)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotContains(t, w.Body.String(), "10.0.0.1")
	require.Equal(t, http.StatusServiceUnavailable, ask(t, h, http.MethodPost, "/survey/right", nil).Code)
}

func TestALargeFormIsRefused(t *testing.T) {
	k, h := house(t, "en")
	w := ask(t, h, http.MethodPost, "/survey/right", url.Values{"q_how": {"5"}, "q_word": {strings.Repeat("x", maxForm)}})
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Nil(t, k.answers)
}

func TestThePageSpeaksTheCustomersLanguage(t *testing.T) {
	for language, want := range map[string]string{"de": "Senden", "de-CH": "Senden", "fr": "Envoyer", "ar": `dir="rtl"`, "xx": "Send", "": `lang="en"`} {
		_, h := house(t, language)
		require.Contains(t, ask(t, h, http.MethodGet, "/survey/right", nil).Body.String(), want, language)
	}
	for name, by := range texts {
		require.Len(t, by, 5, name)
	}
}

// Whatever somebody sends, the page shows it as text and does not fail.
func FuzzForm(f *testing.F) {
	f.Add("5", "<script>alert(1)</script>", "1")
	f.Add("", "\xff\x00", "")
	f.Add("4", `" onfocus="x" autofocus="`, "on")
	f.Fuzz(func(t *testing.T, how, word, never string) {
		_, h := house(t, "en")
		form := url.Values{"q_how": {how}, "q_word": {word}}
		if never != "" {
			form.Set("never", never)
		}
		w := ask(t, h, http.MethodPost, "/survey/right?score="+url.QueryEscape(how), form)
		require.Less(t, w.Code, 500)
		require.NotContains(t, w.Body.String(), "<script")
		require.NotContains(t, w.Body.String(), `"x"`)
	})
}
