// Package modelreport shows how good a model is as one page that needs nothing beside it: figures, the thresholds that held-out texts
// suggest, what is mixed up, and pictures of the confusion matrix, of precision against recall, and of how far confidences hold.
package modelreport

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strings"

	"parley/interaction"
	"parley/lib/text"
)

// Model names what the page is about.
type Model struct {
	ID       interaction.ID
	Language string
	Made     string // date and time as they are to be shown
	Active   bool
}

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent, "threshold": threshold,
}).Parse(source))

// Write writes the page.
func Write(w io.Writer, m Model, r interaction.TrainingReport[text.Report]) error {
	return page.Execute(w, struct {
		Model   Model
		R       interaction.TrainingReport[text.Report]
		Mixed   []text.Confusion
		Matrix  matrix
		Curve   plot
		Honesty plot
		Auto    float64
	}{m, r, r.Report.Mixed(), matrixOf(r.Report), curveOf(r.Report), honestyOf(r.Report), text.AutoPrecision})
}

// most is how many categories the matrix shows: those that are mixed up most.
const most = 40

// matrix is the confusion matrix as a picture.
type matrix struct {
	Names    []string
	Cells    []cell
	Size     int // of a cell, in pixels
	Left     int // for the names
	Top      int
	Width    int
	Height   int
	Shown    int
	Existing int
}

type cell struct {
	X, Y    int
	Opacity float64
	Right   bool
	Title   string
}

// matrixOf draws rows of true categories and columns of given ones; the darker a cell, the more of its row is there.
func matrixOf(r text.Report) matrix {
	m := matrix{Size: 18, Existing: len(r.Categories)}
	wrong := map[string]int{}
	for _, c := range r.Confusion {
		wrong[c.True] += c.Count
		wrong[c.Given] += c.Count
	}
	categories := slices.Clone(r.Categories)
	slices.SortStableFunc(categories, func(a, b text.CategoryReport) int { return wrong[b.Category] - wrong[a.Category] })
	categories = categories[:min(most, len(categories))]
	slices.SortFunc(categories, func(a, b text.CategoryReport) int { return strings.Compare(a.Category, b.Category) })
	at := map[string]int{}
	longest := 0
	for n, c := range categories {
		m.Names = append(m.Names, c.Category)
		at[c.Category] = n
		longest = max(longest, len(c.Category))
		if c.Samples > 0 {
			m.Cells = append(m.Cells, cell{X: n * m.Size, Y: n * m.Size, Opacity: c.Recall, Right: true, Title: c.Category + ": " + percent(c.Recall) + " found"})
		}
	}
	for _, c := range r.Confusion {
		row, rowShown := at[c.True]
		column, columnShown := at[c.Given]
		if rowShown && columnShown {
			m.Cells = append(m.Cells, cell{X: column * m.Size, Y: row * m.Size, Opacity: max(c.Share, 0.08), Title: c.True + " taken for " + c.Given + ": " + percent(c.Share)})
		}
	}
	m.Shown, m.Left = len(categories), 6*min(longest, 45)+10
	m.Top = m.Left
	m.Width, m.Height = m.Left+m.Shown*m.Size+10, m.Top+m.Shown*m.Size+10
	return m
}

// plot is a curve in a square of 100 by 100, the origin below on the left.
type plot struct {
	Path string
	Dots []dot
}

type dot struct {
	X, Y, Size float64
	Title      string
}

// curveOf draws precision (up) against recall (right).
func curveOf(r text.Report) plot {
	var p plot
	for n, point := range r.Curve {
		p.Path += step(n == 0, 100*point.Recall, 100*(1-point.Precision))
		if n%20 == 0 || n == len(r.Curve)-1 {
			p.Dots = append(p.Dots, dot{100 * point.Recall, 100 * (1 - point.Precision), 1, "from confidence " + percent(point.Confidence) + ": precision " + percent(point.Precision) + ", recall " + percent(point.Recall)})
		}
	}
	return p
}

// honestyOf draws how often texts were right (up) against how sure the model was (right).
func honestyOf(r text.Report) plot {
	var p plot
	for n, bin := range r.Reliability {
		x, y := 100*bin.Confidence, 100*(1-bin.Right)
		p.Path += step(n == 0, x, y)
		size := 0.8 + 3*float64(bin.Samples)/float64(max(r.Samples, 1))
		p.Dots = append(p.Dots, dot{x, y, size, percent(bin.Confidence) + " sure, " + percent(bin.Right) + " right"})
	}
	return p
}

// At is where the n-th row or column begins.
func (m matrix) At(n int) int { return n * m.Size }
