package flow

import (
	"parley/activities/autoresponse"
	"parley/interaction"
)

// Keyword confirms what the customer asked for by a message of one word (STOP, START, HELP and their like) and gives the word; empty where he says something.
func (f *Flow) Keyword() interaction.Keyword {
	answered := step(f, "keyword", func(key string) (interaction.KeywordAnswered, error) {
		return local[interaction.KeywordAnswered](f, quick, (*answers)(nil).ConfirmKeyword, autoresponse.Word{Interaction: f.in.Interaction, Step: key, Message: f.newest})
	})
	if answered.Word != "" {
		f.answered = f.newest
	}
	if answered.Message != 0 {
		f.deliver(answered.Message)
	}
	return answered.Word
}
