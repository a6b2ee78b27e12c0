package sending

import (
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var picture = interaction.Attachment{Name: "map.png", Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n....")}

func TestMessage(t *testing.T) {
	anna := []interaction.Address{{Address: "anna"}}
	for name, c := range map[string]struct {
		out interaction.Outbound
		err string
	}{
		"words":             {interaction.Outbound{To: anna, Text: "x"}, ""},
		"words and a file":  {interaction.Outbound{To: anna, Text: "x", Attachments: []interaction.Attachment{picture}}, ""},
		"a file":            {interaction.Outbound{To: anna, Attachments: []interaction.Attachment{picture}}, ""},
		"nothing":           {interaction.Outbound{To: anna, Text: " "}, "empty"},
		"to two":            {interaction.Outbound{To: append(anna, anna...), Text: "x", Attachments: []interaction.Attachment{picture}}, "one recipient"},
		"too many files":    {interaction.Outbound{To: anna, Attachments: []interaction.Attachment{picture, picture, picture}}, "takes 2 files"},
		"a file too large":  {interaction.Outbound{To: anna, Attachments: []interaction.Attachment{{Name: "film", Data: make([]byte, 101)}}}, `"film" has 101 bytes`},
		"a file of nothing": {interaction.Outbound{To: anna, Attachments: []interaction.Attachment{{Name: "void"}}}, `"void" is empty`},
	} {
		t.Run(name, func(t *testing.T) {
			to, _, files, err := Message(c.out, 2, 100)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "anna", to)
			require.Len(t, files, len(c.out.Attachments))
		})
	}
}

func TestTypeOf(t *testing.T) {
	require.Equal(t, "image/png", TypeOf(interaction.Attachment{Type: "text/html", Data: picture.Data}), "what it is counts")
	require.Equal(t, "text/csv", TypeOf(interaction.Attachment{Type: "Text/CSV; charset=utf-8", Data: []byte("a,b\n1,2\n")}), "its bytes do not tell")
	require.Equal(t, "text/html", TypeOf(interaction.Attachment{Type: "image/png", Data: []byte("<html>")}))
	require.Equal(t, "application/octet-stream", TypeOf(interaction.Attachment{Data: []byte{0, 1}}))
}

// A form is read back as it was written, whatever its file is called.
func TestForm(t *testing.T) {
	f := NewForm()
	f.Field("to", "anna")
	names := map[string]string{"map.png": "map.png", `C:\temp\bill.pdf`: "bill.pdf", "../../etc/passwd": "passwd", "..": "file", "": "file", "Plan für Ä.png": "Plan für Ä.png"}
	for name := range names {
		f.File("file", interaction.Attachment{Name: name, Data: picture.Data})
	}
	f.File("evil", interaction.Attachment{Name: "a\"\r\nX-Evil: 1.png", Data: picture.Data})
	kind, body := f.Body()
	_, params, err := mime.ParseMediaType(kind)
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	require.Equal(t, []string{"anna"}, form.Value["to"])
	var got []string
	for _, file := range form.File["file"] {
		got = append(got, file.Filename)
		require.Equal(t, "image/png", file.Header.Get("Content-Type"))
	}
	var want []string
	for _, name := range names {
		want = append(want, name)
	}
	require.ElementsMatch(t, want, got)
	require.Empty(t, form.File["evil"][0].Header.Get("X-Evil"))
}

func TestInParts(t *testing.T) {
	sent := func(id string) func() interaction.Outcome {
		return func() interaction.Outcome {
			return interaction.Outcome{State: interaction.SendSent, Code: "200", ID: id}
		}
	}
	no := func() interaction.Outcome {
		return interaction.Outcome{State: interaction.SendNotSent, Code: "400", Text: "not this one"}
	}
	never := func() interaction.Outcome {
		t.Error("it was sent behind one that was not")
		return interaction.Outcome{}
	}
	require.Equal(t, interaction.Outcome{State: interaction.SendSent, Code: "200", ID: "a", Names: []interaction.CarrierName{{ID: "b"}}}, InParts(sent("a"), sent("b")))
	require.Equal(t, no(), InParts(no, never), "nothing has left")
	got := InParts(sent("a"), no, never)
	require.Equal(t, interaction.SendUnknown, got.State)
	require.Equal(t, "in_part", got.Code)
	require.Equal(t, "1 of 3 parts were taken; then: not this one", got.Text)
	require.Equal(t, "a", got.ID, "what came of the first is heard of")
}
