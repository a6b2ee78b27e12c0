package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"parley/lib/text"
)

type modelCommand struct {
	Eval modelEvalCommand `cmd:"" help:"Train a model on labelled texts, judge it on others, and print how good and how fast it is."`
}

type modelEvalCommand struct {
	Train   []string     `required:"" type:"existingfile" help:"Labelled texts to learn from: CSV with the columns text and category, lines of category-tab-text, or JSON. May be repeated."`
	Test    []string     `type:"existingfile" help:"Labelled texts to be judged on. May be repeated."`
	Folds   int          `help:"Judge by so many folds of the training texts instead of --test."`
	Oos     []string     `type:"existingfile" help:"Texts that fit no category, to be refused; their labels are not looked at. May be repeated."`
	Profile text.Profile `default:"accurate" help:"accurate, or fast."`
	JSON    bool         `name:"json" help:"Print one JSON object."`
}

// Run trains and judges. Texts of category oos are ones that fit nowhere: in the training files they teach what to refuse, in the test files they are
// judged like those of --oos.
func (c *modelEvalCommand) Run() error {
	if (len(c.Test) == 0) == (c.Folds == 0) {
		return configError{errors.New("name either --test FILE or --folds N, to say what the model is judged on")}
	}
	learn, err := readSet(c.Train, text.SplitTrain)
	if err != nil {
		return configError{err}
	}
	judge, err := readSet(c.Test, text.SplitTest)
	if err != nil {
		return configError{err}
	}
	for _, file := range c.Oos {
		found, err := readLabelled(file, text.SplitTest)
		if err != nil {
			return configError{err}
		}
		for _, l := range found {
			judge.Outside = append(judge.Outside, l.Text)
		}
	}
	result, err := c.judge(learn, judge)
	if err != nil {
		return configError{err}
	}
	return result.print(os.Stdout, c.JSON)
}

func (c *modelEvalCommand) judge(learn, judge text.Set) (evaluation, error) {
	opt := text.Options{Profile: c.Profile}
	began := cpuTime()
	if c.Folds > 0 {
		trial, err := text.TryFolds(learn, judge.Outside, c.Folds, opt)
		return evaluationOf(trial, (cpuTime()-began)/time.Duration(c.Folds)), err
	}
	model, err := text.TrainSet(learn, opt)
	if err != nil {
		return evaluation{}, err
	}
	trained := cpuTime() - began
	return evaluationOf(text.Try(model, judge), trained), nil
}

// readSet reads the labelled texts of all files into one set.
func readSet(files []string, split text.Split) (text.Set, error) {
	var all []text.Labelled
	for _, file := range files {
		found, err := readLabelled(file, split)
		if err != nil {
			return text.Set{}, err
		}
		all = append(all, found...)
	}
	return text.NewSet(all), nil
}

func readLabelled(file string, split text.Split) (found []text.Labelled, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if found, err = text.ReadLabelled(f, split); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return found, nil
}

// cpuTime is what this process has used of the processors so far, all threads together.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// evaluation is what the command prints. Shares go from 0 to 1; what the files give no answer to is null.
type evaluation struct {
	Accuracy      float64  `json:"accuracy"`
	MacroF1       float64  `json:"macro_f1"`
	ECE           float64  `json:"ece"`
	Top3          float64  `json:"top3"`
	OOSRecall     *float64 `json:"oos_recall"`
	TrainCPU      float64  `json:"train_cpu_seconds"`
	PredictP50    float64  `json:"predict_us_p50"`
	PredictAllocs float64  `json:"predict_allocs"`
	Samples       int      `json:"samples"`
	MicroF1       *float64 `json:"micro_f1,omitempty"`   // of a set in which texts have several categories
	FalseSpam     *float64 `json:"false_spam,omitempty"` // share of the other texts that were taken for spam, where spam is a category
}

func evaluationOf(t text.Trial, trained time.Duration) evaluation {
	e := evaluation{
		Accuracy: round(t.Accuracy), MacroF1: round(t.MacroF1), ECE: round(t.CalibrationError), Top3: round(t.Top3),
		TrainCPU:   math.Round(trained.Seconds()*100) / 100,
		PredictP50: math.Round(float64(t.P50.Nanoseconds())/100) / 10, PredictAllocs: t.Allocations, Samples: t.Samples,
	}
	for _, optional := range []struct {
		value float64
		into  **float64
	}{{t.OutsideRecall, &e.OOSRecall}, {t.MicroF1, &e.MicroF1}, {t.FalseSpam(), &e.FalseSpam}} {
		if optional.value >= 0 {
			value := round(optional.value)
			*optional.into = &value
		}
	}
	return e
}

func round(share float64) float64 { return math.Round(share*1e5) / 1e5 }

func (e evaluation) print(out io.Writer, asJSON bool) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if asJSON {
		_, err = fmt.Fprintln(out, string(raw))
		return err
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintf(out, "%-18s %v\n", name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}
