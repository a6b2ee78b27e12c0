package api

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/files"
	"parley/lib/mail"
)

// Message is one text within an interaction. The html is as it came: a client that shows it cleans it first.
type Message struct {
	Number      int64             `json:"number"`
	Kind        string            `json:"kind" enum:"in,reply,auto,note,transcript"`
	At          time.Time         `json:"at"`
	AuthorID    interaction.ID    `json:"author_id,omitempty"`
	From        Address           `json:"from"`
	To          []Address         `json:"to" nullable:"false"`
	Cc          []Address         `json:"cc" nullable:"false"`
	Subject     string            `json:"subject"`
	Text        string            `json:"text"`
	HTML        string            `json:"html" doc:"as it came; never show it"`
	SafeHTML    string            `json:"safe_html,omitempty" doc:"the same cleaned: nothing in it runs, submits or loads from elsewhere; images of the mail are cid:"`
	ReplyText   string            `json:"reply_text,omitempty" doc:"what is new in the text, without what it quotes and without signature"`
	MessageID   string            `json:"message_id,omitempty" doc:"without angle brackets"`
	InReplyTo   string            `json:"in_reply_to,omitempty"`
	Attachments []Attachment      `json:"attachments" nullable:"false"`
	Problems    []string          `json:"problems" nullable:"false" doc:"what the parser had to work around"`
	Auth        map[string]string `json:"auth,omitempty" doc:"how the checks of the sender went: spf, dkim, dmarc, arc"`
	Machine     string            `json:"machine,omitempty" doc:"kind of machine mail; empty for people's"`
	Send        *Send             `json:"send,omitempty" doc:"where its sending stands, once that is decided"`
	EntryPoint  string            `json:"entry_point,omitempty" doc:"it came in or goes out by"`
	Response    *ResponseName     `json:"response,omitempty" doc:"of an automatic one: the standard response that it says"`
	Visibility  string            `json:"visibility,omitempty" enum:"public,unlisted,private" doc:"who can read it, where that is not only the customer and we"`
	Withdrawn   bool              `json:"withdrawn,omitempty" doc:"the customer took it back: its words and files are not shown any more"`
	Chat        bool              `json:"chat,omitempty" doc:"said in its conversation, and numbered there: /v1/chats has more of it"`
}

// Attachment describes one file of a message.
type Attachment struct {
	Number    int            `json:"number" doc:"of its path below the message"`
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Size      int64          `json:"size"`
	SHA256    string         `json:"sha256"`
	Inline    bool           `json:"inline"`
	ContentID string         `json:"content_id,omitempty"`
	Upload    interaction.ID `json:"upload,omitempty" doc:"of a file that was uploaded; name it in attachments"`
}

// Send is where the ledger stands with a message.
type Send struct {
	State    string `json:"state" enum:"queued,in_flight,sent,not_sent,unknown,cancelled"`
	Attempts int    `json:"attempts"`
	Code     string `json:"code,omitempty" doc:"the other side's own code"`
	Receipt  string `json:"receipt,omitempty" enum:"pending,delivered,read,failed" doc:"what the carrier said of it since"`
}

func messageView(v interaction.MessageView) Message {
	m := Message{
		Number: v.Number, Kind: string(v.Kind), At: v.At, AuthorID: v.Author, From: addressView(v.From), To: each(v.To, addressView), Cc: each(v.Cc, addressView),
		Subject: v.Subject, Text: v.Text, HTML: v.HTML, SafeHTML: safeHTML(v.HTML), ReplyText: v.ReplyText, Auth: v.Auth, MessageID: v.MessageID, InReplyTo: v.InReplyTo, Attachments: attachmentViews(v.Attachments),
		Problems: same(v.Problems), Machine: v.Machine, EntryPoint: v.EntryPoint, Chat: v.Chat, Visibility: string(v.Visibility), Withdrawn: v.Withdrawn,
	}
	if v.Response != "" {
		m.Response = &ResponseName{v.Response, v.ResponseVersion}
	}
	if v.Send != nil {
		m.Send = &Send{string(v.Send.State), v.Send.Attempts, v.Send.Code, string(v.Send.Receipt)}
	}
	return m
}

func safeHTML(source string) string {
	if source == "" {
		return ""
	}
	return mail.CleanHTML(source)
}

func attachmentViews(files []interaction.File) []Attachment {
	out := make([]Attachment, len(files))
	for n, f := range files {
		out[n] = attachmentView(n+1, f)
	}
	return out
}

func attachmentView(number int, f interaction.File) Attachment {
	return Attachment{number, f.Name, f.Type, f.Size, f.SHA256, f.Inline, f.ContentID, f.Upload}
}

func (s *server) interactionMessages(ctx context.Context, in *ByID) (*List[Message], error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	messages, err := s.InteractionMessages(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return whole(messages, messageView), nil
}

// pathMessage gives the message that a path names.
func (s *server) pathMessage(c *gin.Context) (interaction.Message, error) {
	id, err := pathID(c.Param("id"), "interaction")
	if err != nil {
		return interaction.Message{}, err
	}
	number, err := messageNumber(c)
	if err != nil {
		return interaction.Message{}, err
	}
	ctx := c.Request.Context()
	m, err := s.InteractionMessage(ctx, actorOf(ctx), id, number)
	if err == nil && m.Withdrawn { // neither its bytes nor its files
		err = interaction.Unknown("message")
	}
	return m, err
}

// messageNumber reads the number that a path names.
func messageNumber(c *gin.Context) (int64, error) {
	number, err := strconv.ParseInt(c.Param("number"), 10, 64)
	if err != nil || number < 1 {
		return 0, interaction.Unknown("message")
	}
	return number, nil
}

// rawMessage gives the bytes of a message as they came.
func (s *server) rawMessage(c *gin.Context) error {
	m, err := s.pathMessage(c)
	if err != nil {
		return err
	}
	if m.Inbound == "" {
		return interaction.Unknown("raw_message")
	}
	raw, err := s.Raw(c.Request.Context(), m.Inbound)
	if err != nil {
		return err
	}
	download(c, "message/rfc822", "message-"+strconv.FormatInt(m.Number, 10)+".eml", raw)
	return nil
}

// attachment gives the bytes of one attachment, decoded.
func (s *server) attachment(c *gin.Context) error {
	m, err := s.pathMessage(c)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Param("attachment"))
	if err != nil || n < 1 || n > len(m.Attachments) {
		return interaction.Unknown("attachment")
	}
	file := m.Attachments[n-1]
	data, err := s.fileData(c.Request.Context(), m, file)
	if err != nil {
		return err
	}
	download(c, file.Type, file.Name, data)
	return nil
}

func (s *server) fileData(ctx context.Context, m interaction.Message, file interaction.File) ([]byte, error) {
	if file.Upload != "" {
		return s.UploadData(ctx, file.Upload)
	}
	raw, err := s.Raw(ctx, m.Inbound)
	if err != nil {
		return nil, err
	}
	channel, err := s.InboundChannel(ctx, m.Inbound)
	if err != nil {
		return nil, err
	}
	return s.Part(channel, raw, file.Part)
}

// download answers with a stranger's bytes: always as a file, never guessed at, and without rights if a browser opens it anyway.
func download(c *gin.Context, mediaType, name string, data []byte) {
	if _, _, err := mime.ParseMediaType(mediaType); err != nil {
		mediaType = "application/octet-stream"
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": files.Name(name)})
	if disposition == "" {
		disposition = "attachment"
	}
	c.Header("Content-Disposition", disposition)
	c.Header("Content-Security-Policy", "sandbox; default-src 'none'")
	c.Data(http.StatusOK, mediaType, data)
}
