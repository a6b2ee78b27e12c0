package api

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	classify "parley/lib/text"
	"parley/lib/text/modelreport"
)

// Models keeps models, what they are trained from, and trainings.
type Models interface {
	Models(ctx context.Context, language string) ([]interaction.ModelView, error)
	Model(ctx context.Context, id interaction.ID) (interaction.ModelView, error)
	ActivateModel(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ModelView, error)
	RollBackModel(ctx context.Context, by interaction.Actor, language string) (interaction.ModelView, error)
	StartTraining(ctx context.Context, by interaction.Actor, n interaction.NewTraining) (interaction.TrainingRun, error)
	Training(ctx context.Context, id interaction.ID) (interaction.TrainingRun, error)
	Trainings(ctx context.Context) ([]interaction.TrainingRun, error)
	CancelTraining(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.TrainingRun, error)
	PutTextSet(ctx context.Context, by interaction.Actor, set interaction.TextSet) (interaction.TextSet, error)
	TextSets(ctx context.Context) ([]interaction.TextSet, error)
	RemoveTextSet(ctx context.Context, by interaction.Actor, name string) error
	Drift(ctx context.Context, language string, from time.Time) ([]interaction.Drift, error)
	ToldDrift(ctx context.Context) ([]interaction.ToldDrift, error)
}

// addModels adds the routes of models; they are the designers'.
func (s *server) addModels() {
	on(s, route{method: get, path: "/v1/models", summary: "List models and how good they are", configures: true}, s.listModels)
	on(s, route{method: get, path: "/v1/models/{id}", summary: "Look at a model and its report", configures: true}, s.getModel)
	on(s, route{method: get, path: "/v1/models/{id}/comparison", summary: "Compare a model with another", configures: true}, s.compareModels)
	s.plain(route{method: get, path: "/v1/models/{id}/report", summary: "A model's report as a page with pictures", configures: true, raw: true}, s.modelPage, pageOf("id"))
	on(s, route{method: post, path: "/v1/models/{id}/activate", summary: "Use a model from now on", configures: true}, s.activateModel)
	on(s, route{method: post, path: "/v1/models/rollback", summary: "Go back to the model that was used before", configures: true}, s.rollBackModel)

	on(s, route{method: get, path: "/v1/models/drift", summary: "How models do, week by week, by what people did afterwards", configures: true}, s.modelDrift)

	on(s, route{method: get, path: "/v1/trainings", summary: "List trainings", configures: true}, s.listTrainings)
	on(s, route{method: post, path: "/v1/trainings", summary: "Train a model", configures: true, status: 201}, s.startTraining)
	on(s, route{method: get, path: "/v1/trainings/{id}", summary: "See how far a training is", configures: true}, s.getTraining)
	on(s, route{method: post, path: "/v1/trainings/{id}/cancel", summary: "Stop a training", configures: true}, s.cancelTraining)

	on(s, route{method: get, path: "/v1/text-sets", summary: "List uploaded sets of labelled texts", configures: true}, s.listTextSets)
	on(s, route{method: put, path: "/v1/text-sets/{name}", summary: "Upload a set of labelled texts", configures: true, limit: textSetBody}, s.putTextSet)
	on(s, route{method: del, path: "/v1/text-sets/{name}", summary: "Forget a set of labelled texts", configures: true, status: 204}, s.removeTextSet)
}

// textSetBody is how many bytes an uploaded set may have.
const textSetBody = 32 << 20

// Model is a stored model with the figures of its report.
type Model struct {
	ID          interaction.ID  `json:"id"`
	Language    string          `json:"language"`
	At          time.Time       `json:"at"`
	Active      bool            `json:"active" doc:"it is used for its language"`
	ActivatedAt *time.Time      `json:"activated_at,omitempty" doc:"for the last time"`
	TrainingID  interaction.ID  `json:"training_id,omitempty" doc:"absent for models of configuration files, which have no report"`
	Size        int64           `json:"size" doc:"bytes"`
	Figures     *ModelFigures   `json:"figures,omitempty"`
	Report      json.RawMessage `json:"report,omitempty" doc:"precision, recall, F1 and thresholds by category, confusion, precision/recall curve, calibration; only where one model is asked for"`
}

// ModelFigures are the figures that models are compared by.
type ModelFigures struct {
	Profile          string                 `json:"profile"`
	Learned          int                    `json:"learned" doc:"texts that the judged model had learned from"`
	Judged           int                    `json:"judged" doc:"texts that it was judged on"`
	Accuracy         float64                `json:"accuracy"`
	Top3             float64                `json:"top3"`
	MacroF1          float64                `json:"macro_f1"`
	CalibrationError float64                `json:"ece"`
	Mixed            []interaction.ModelMix `json:"mixed" nullable:"false" doc:"categories of which more than a fifth is taken for another"`
}

// modelReport reads a kept report; nil where there is none.
func modelReport(raw json.RawMessage) *interaction.TrainingReport[classify.Report] {
	var r interaction.TrainingReport[classify.Report]
	if json.Unmarshal(raw, &r) != nil || r.Judged == 0 {
		return nil
	}
	return &r
}

func modelView(m interaction.ModelView) Model {
	v := Model{ID: m.ID, Language: m.Language, At: m.At, Active: m.Active, ActivatedAt: moment(m.Activated), TrainingID: m.Training, Size: m.Size}
	if r := modelReport(m.Report); r != nil {
		v.Figures = &ModelFigures{
			r.Profile, r.Learned, r.Judged, r.Report.Accuracy, r.Report.Top3, r.Report.MacroF1, r.Report.CalibrationError,
			each(r.Report.Mixed(), func(c classify.Confusion) interaction.ModelMix { return interaction.ModelMix(c) }),
		}
	}
	return v
}

// ModelsInput narrows the list.
type ModelsInput struct {
	Language string `query:"language" maxLength:"20"`
}

// ModelOutput is one model.
type ModelOutput struct {
	Body Model
}

func (s *server) listModels(ctx context.Context, in *ModelsInput) (*List[Model], error) {
	found, err := s.Models(ctx, in.Language)
	if err != nil {
		return nil, err
	}
	return whole(found, modelView), nil
}

func (s *server) getModel(ctx context.Context, in *ByID) (*ModelOutput, error) {
	m, err := s.modelByID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &ModelOutput{modelView(m)}
	if out.Body.Figures != nil {
		out.Body.Report = m.Report
	}
	return out, nil
}

func (s *server) modelByID(ctx context.Context, name string) (interaction.ModelView, error) {
	id, err := pathID(name, "model")
	if err != nil {
		return interaction.ModelView{}, err
	}
	return s.Model(ctx, id)
}

// CompareInput names two models.
type CompareInput struct {
	ByID
	With string `query:"with" required:"true" maxLength:"36" doc:"the other model"`
}

// Comparison is two models side by side.
type Comparison struct {
	Model      Model              `json:"model"`
	With       Model              `json:"with"`
	Categories []CategoryCompared `json:"categories" nullable:"false" doc:"by how far F1 differs, the largest loss first"`
}

// CategoryCompared is one category in two reports; absent where a model does not know it.
type CategoryCompared struct {
	Category   string   `json:"category"`
	F1         *float64 `json:"f1,omitempty"`
	WithF1     *float64 `json:"with_f1,omitempty"`
	Difference float64  `json:"difference" doc:"how much better the model is than the other"`
}

func (s *server) compareModels(ctx context.Context, in *CompareInput) (*struct{ Body Comparison }, error) {
	a, err := s.modelByID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.modelByID(ctx, in.With)
	if err != nil {
		return nil, err
	}
	ra, rb := modelReport(a.Report), modelReport(b.Report)
	if ra == nil || rb == nil {
		return nil, interaction.Conflict("no_report", "a model of configuration files has no report to be compared by")
	}
	return &struct{ Body Comparison }{Comparison{modelView(a), modelView(b), compared(ra.Report, rb.Report)}}, nil
}

func (s *server) modelPage(c *gin.Context) error {
	m, err := s.modelByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	r := modelReport(m.Report)
	if r == nil {
		return interaction.Unknown("report")
	}
	var page bytes.Buffer
	if err := modelreport.Write(&page, modelreport.Model{ID: m.ID, Language: m.Language, Made: m.At.UTC().Format("2006-01-02 15:04 MST"), Active: m.Active}, *r); err != nil {
		return err
	}
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	c.Data(200, "text/html; charset=utf-8", page.Bytes())
	return nil
}

func (s *server) activateModel(ctx context.Context, in *ByID) (*ModelOutput, error) {
	id, err := pathID(in.ID, "model")
	if err != nil {
		return nil, err
	}
	m, err := s.ActivateModel(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &ModelOutput{modelView(m)}, nil
}

// RollBackInput names a language.
type RollBackInput struct {
	Body struct {
		Language string `json:"language" minLength:"2" maxLength:"20"`
	}
}

func (s *server) rollBackModel(ctx context.Context, in *RollBackInput) (*ModelOutput, error) {
	m, err := s.RollBackModel(ctx, actorOf(ctx), in.Body.Language)
	if err != nil {
		return nil, err
	}
	return &ModelOutput{modelView(m)}, nil
}

// TextSet is an uploaded set, without its texts.
type TextSet struct {
	Name     string    `json:"name"`
	Language string    `json:"language"`
	Size     int       `json:"size" doc:"texts"`
	At       time.Time `json:"at"`
}

func textSetView(s interaction.TextSet) TextSet { return TextSet{s.Name, s.Language, s.Size, s.At} }

func (s *server) listTextSets(ctx context.Context, _ *struct{}) (*List[TextSet], error) {
	found, err := s.TextSets(ctx)
	if err != nil {
		return nil, err
	}
	return whole(found, textSetView), nil
}

// TextSetInput is a set to be kept.
type TextSetInput struct {
	Name string `path:"name" maxLength:"100"`
	Body struct {
		Language string `json:"language" pattern:"^[a-z]{2,3}$"`
		File     string `json:"file" minLength:"1" doc:"the file's content: CSV with the columns text and category, lines of category-tab-text, or JSON, as parley model eval reads them"`
	}
}

func (s *server) putTextSet(ctx context.Context, in *TextSetInput) (*struct{ Body TextSet }, error) {
	found, err := classify.ReadLabelled(strings.NewReader(in.Body.File), classify.SplitTrain)
	if err != nil {
		return nil, interaction.Invalid("bad_texts", "file", "%s", err)
	}
	set := interaction.TextSet{Name: in.Name, Language: in.Body.Language}
	for _, l := range found {
		set.Texts = append(set.Texts, interaction.LabelledText{Text: strings.ReplaceAll(l.Text, "\x00", ""), Categories: l.Categories})
	}
	set, err = s.PutTextSet(ctx, actorOf(ctx), set)
	if err != nil {
		return nil, err
	}
	return &struct{ Body TextSet }{textSetView(set)}, nil
}

func (s *server) removeTextSet(ctx context.Context, in *ByName) (*noContent, error) {
	return nil, s.RemoveTextSet(ctx, actorOf(ctx), in.Name)
}
