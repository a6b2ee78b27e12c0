package interaction

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// This file holds the words of surveys: what customers are asked when an interaction that people have answered is over (mission C7, E18).

// Survey is a list of questions. An entry point names the one that its customers are asked: in a chat's window, otherwise by a mail with a link.
type Survey struct {
	Name      string            `yaml:"name" json:"name,omitempty"`
	Title     string            `yaml:"title,omitempty" json:"title,omitempty"`
	Questions []SurveyQuestion  `yaml:"questions" json:"questions,omitempty"`
	Intro     map[string]string `yaml:"intro,omitempty" json:"intro,omitempty"`           // by language: said above the questions, and in the mail
	Thanks    map[string]string `yaml:"thanks,omitempty" json:"thanks,omitempty"`         // said behind the answers
	Subject   map[string]string `yaml:"subject,omitempty" json:"subject,omitempty"`       // of the mail
	Percent   *int              `yaml:"percent,omitempty" json:"percent,omitempty"`       // of the interactions; default 100
	OpenDays  int               `yaml:"open_days,omitempty" json:"open_days,omitempty"`   // how long answers are taken; default 14
	PauseDays int               `yaml:"pause_days,omitempty" json:"pause_days,omitempty"` // in which one contact is asked once, whatever the survey; default 30
	MailChats bool              `yaml:"mail_chats,omitempty" json:"mail_chats,omitempty"` // customers of a chat whose window was gone before they were asked get a mail
}

// SurveyQuestion is one of its questions.
type SurveyQuestion struct {
	Key      string            `yaml:"key" json:"key"`
	Kind     SurveyKind        `yaml:"kind,omitempty" json:"kind,omitempty"` // default score
	Text     map[string]string `yaml:"text" json:"text"`                     // by language
	Least    int               `yaml:"least,omitempty" json:"least,omitempty"`
	Most     int               `yaml:"most,omitempty" json:"most,omitempty"` // of a score; default 1 to 5
	Choices  []string          `yaml:"choices,omitempty" json:"choices,omitempty"`
	Required bool              `yaml:"required,omitempty" json:"required,omitempty"`
}

// SurveyKind is what an answer is.
type SurveyKind string

// Kinds of questions.
const (
	SurveyScore  SurveyKind = "score"  // a whole number between Least and Most
	SurveyChoice SurveyKind = "choice" // one of Choices
	SurveyText   SurveyKind = "text"   // own words
)

// Bounds of surveys.
const (
	maxSurveyQuestions = 20
	maxSurveyText      = 2000 // characters of an answer in own words
	mostSurveyScores   = 11   // 0 to 10
)

// SurveySheet is a survey as one customer is asked it, in his language.
type SurveySheet struct {
	Interaction ID            `json:"-"`
	Survey      string        `json:"-"`
	House       string        `json:"-"` // the entry point's name towards customers
	Language    string        `json:"language"`
	Intro       string        `json:"intro,omitempty"`
	Thanks      string        `json:"thanks,omitempty"`
	Questions   []SurveyAsked `json:"questions"`
	Answered    bool          `json:"answered"` // answers are there, and are not taken again
}

// SurveyAsked is one question of a sheet.
type SurveyAsked struct {
	Key      string     `json:"key"`
	Kind     SurveyKind `json:"kind"`
	Text     string     `json:"text"`
	Least    int        `json:"least,omitempty"`
	Most     int        `json:"most,omitempty"`
	Choices  []string   `json:"choices,omitempty"`
	Required bool       `json:"required,omitempty"`
}

// SurveyView is what a step of a story knows when a survey is to be mailed.
type SurveyView struct {
	Sheet     SurveySheet
	Subject   string // of the mail, by configuration; empty: the house's own words
	Token     string // of the link
	Name      string // of the contact
	Reference string
}

// SurveyLetter is the mail that asks; an empty text sends none, for the reason Why.
type SurveyLetter struct {
	Subject, Text, Why string
}

// SurveyAskedFor is what the workflow hears: the number of the mail that is to be sent, 0 where there is none.
type SurveyAskedFor struct {
	Message int64 `json:"message,omitempty"`
}

// SurveyResult is a survey that was asked and what became of it.
type SurveyResult struct {
	Interaction ID
	Survey      string
	Contact     ID
	EntryPoint  string
	Channel     Channel
	Queue       string
	Category    string
	Agent       ID // who spoke with the customer last
	Language    string
	Mailed      bool
	AskedAt     time.Time
	AnsweredAt  time.Time // zero: not yet
	Questions   []SurveyAsked
	Answers     map[string]string
	Score       float64 // mean of the scores, 0 to 100; -1 where none was given
}

// SurveyFilter narrows the list of results; empty fields do not count.
type SurveyFilter struct {
	Survey, Queue string
	Channel       Channel
	Agent         ID
	Answered      *bool
	After, Before time.Time // of asking
}

// SurveyStore takes answers; the store implements it, and the adapter of the page calls it.
type SurveyStore interface {
	// SurveyByToken gives what a link asks; unknown where the token is wrong or over.
	SurveyByToken(ctx context.Context, token string) (SurveySheet, error)
	// AnswerSurvey keeps the answers, once; the conflict "answered" where they are there already.
	AnswerSurvey(ctx context.Context, interaction ID, answers map[string]string) error
	// RefuseSurveys notes that the contact of the interaction wants no survey again.
	RefuseSurveys(ctx context.Context, interaction ID) error
}

// WithDefaults gives the survey with every zero value filled in.
func (s Survey) WithDefaults() Survey {
	defaultPointer(&s.Percent, 100)
	defaultTo(&s.OpenDays, 14)
	defaultTo(&s.PauseDays, 30)
	s.Questions = slices.Clone(s.Questions)
	for n := range s.Questions {
		q := &s.Questions[n]
		defaultTo(&q.Kind, SurveyScore)
		if q.Kind == SurveyScore && q.Least == 0 && q.Most == 0 {
			q.Least, q.Most = 1, 5
		}
	}
	return s
}

// Sheet asks the survey in a language.
func (s Survey) Sheet(language string) SurveySheet {
	sheet := SurveySheet{Survey: s.Name, Language: language, Intro: InLanguage(s.Intro, language), Thanks: InLanguage(s.Thanks, language)}
	for _, q := range s.WithDefaults().Questions {
		sheet.Questions = append(sheet.Questions, SurveyAsked{q.Key, q.Kind, InLanguage(q.Text, language), q.Least, q.Most, q.Choices, q.Required})
	}
	return sheet
}

// InLanguage chooses a text: of the tag, its primary language, English, or else the first by name. Empty where there is none.
func InLanguage(byLanguage map[string]string, tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	for _, t := range []string{tag, primary, "en"} {
		if s := byLanguage[t]; s != "" {
			return s
		}
	}
	for _, t := range slices.Sorted(maps.Keys(byLanguage)) { // so that the same is said every time
		return byLanguage[t]
	}
	return ""
}

// Read gives the answers in the form in which they are kept, and their mean score (0 to 100, -1 without one), or names the first that cannot be one. What
// no question asked is refused; blank answers count as none.
func (s SurveySheet) Read(answers map[string]string) (kept map[string]string, score float64, err error) {
	kept = map[string]string{}
	sum, scores := 0.0, 0
	for _, q := range s.Questions {
		value := strings.TrimSpace(answers[q.Key])
		if value == "" {
			if q.Required {
				return nil, 0, Invalid("required", q.Key, "is to be answered")
			}
			continue
		}
		switch q.Kind {
		case SurveyScore:
			n, err := strconv.Atoi(value)
			if err != nil || n < q.Least || n > q.Most {
				return nil, 0, Invalid("bad_value", q.Key, "is a whole number from %d to %d", q.Least, q.Most)
			}
			value = strconv.Itoa(n)
			sum += float64(n-q.Least) / float64(q.Most-q.Least)
			scores++
		case SurveyChoice:
			if !slices.Contains(q.Choices, value) {
				return nil, 0, Invalid("bad_value", q.Key, "is none of the choices")
			}
		default:
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return nil, 0, Invalid("bad_text", q.Key, "is not text: it holds bytes that are not UTF-8, or a NUL")
			}
			if utf8.RuneCountInString(value) > maxSurveyText {
				return nil, 0, Invalid("too_long", q.Key, "has up to %d characters", maxSurveyText).With("limit", maxSurveyText)
			}
		}
		kept[q.Key] = value
	}
	for _, key := range slices.Sorted(maps.Keys(answers)) {
		if !slices.ContainsFunc(s.Questions, func(q SurveyAsked) bool { return q.Key == key }) {
			return nil, 0, Invalid("unknown_question", "answers", "holds an answer that nothing asked for")
		}
	}
	if len(kept) == 0 {
		return nil, 0, Invalid("required", "answers", "hold no answer")
	}
	if scores == 0 {
		return kept, -1, nil
	}
	return kept, 100 * sum / float64(scores), nil
}

// survey checks one survey of a configuration.
func (c *checker) survey(at place, s Survey) {
	at.code(s.Name)
	if len(s.Questions) == 0 || len(s.Questions) > maxSurveyQuestions {
		at.fault("questions", len(s.Questions), "are too few or too many; ask 1 to %d", maxSurveyQuestions)
	}
	if s.Percent != nil {
		at.between("percent", *s.Percent, 0, 100)
	}
	at.between("open_days", s.OpenDays, 0, 365)
	at.between("pause_days", s.PauseDays, 0, 3650)
	var keys []string
	for n, q := range s.WithDefaults().Questions {
		field := fmt.Sprintf("questions[%d]", n)
		at.anew(field+".key", q.Key, keys)
		keys = append(keys, q.Key)
		if InLanguage(q.Text, "en") == "" {
			at.fault(field+".text", nil, "is missing; write the question by language, such as en: How did we do?")
		}
		at.among(field+".kind", string(q.Kind), []string{string(SurveyScore), string(SurveyChoice), string(SurveyText)})
		switch q.Kind {
		case SurveyScore:
			if q.Least < 0 || q.Most <= q.Least || q.Most-q.Least >= mostSurveyScores {
				at.fault(field+".most", q.Most, "does not go with least = %d; write up to %d numbers in a row, from 0 or more", q.Least, mostSurveyScores)
			}
		case SurveyChoice:
			c.choices(at, field+".choices", q.Choices)
		}
		if q.Kind != SurveyChoice && len(q.Choices) > 0 {
			at.fault(field+".choices", q.Choices, "are for questions of kind choice; leave them out")
		}
	}
}

func (c *checker) choices(at place, field string, choices []string) {
	if len(choices) < 2 || len(choices) > 20 {
		at.fault(field, len(choices), "are too few or too many; write 2 to 20")
	}
	for n, choice := range choices {
		if strings.TrimSpace(choice) != choice || choice == "" || len(choice) > 200 || slices.Contains(choices[:n], choice) {
			at.fault(fmt.Sprintf("%s[%d]", field, n), choice, "is no choice; write each once, up to 200 bytes, no blanks around it")
		}
	}
}
