package flow

import (
	"parley/activities/delivery"
	"parley/activities/survey"
	"parley/interaction"
)

type surveys = survey.Activities

// Survey asks the customer how it was, where the entry point has a survey and people have answered him: by a mail with a link, once. It follows a story, whatever
// ended it. In a chat he is asked in its window, without this step. What became of a mail whose answer was lost stays unknown: nobody is asked about a survey, and it is not
// sent again.
//
// Stories that were begun before their entry point had a survey have no such step, so that their histories go on as they are.
func (f *Flow) Survey() {
	if !f.in.Survey {
		return
	}
	asked := step(f, "survey", func(string) (interaction.SurveyAskedFor, error) {
		return local[interaction.SurveyAskedFor](f, quick, (*surveys)(nil).AskCustomerSurvey, survey.Ask{Interaction: f.in.Interaction, Step: "survey"})
	})
	if asked.Message > 0 {
		step(f, "mail-survey", func(string) (delivery.Sent, error) { return f.send(asked.Message) })
	}
}
