package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/files"
)

// Chats is what programs need of conversations that they do not follow over a socket.
type Chats interface {
	ChatAgent(ctx context.Context, by interaction.Actor, session interaction.ID) (interaction.ChatSession, error)
	ChatMessages(ctx context.Context, session interaction.ID, after int64, internal bool, limit int) ([]interaction.ChatMessage, error)
	PostChats(ctx context.Context, posts []interaction.ChatPost) ([]interaction.ChatPosted, error)
	JoinChat(ctx context.Context, by interaction.Actor, session interaction.ID, mode interaction.ChatMode) (interaction.ChatSession, error)
	EndChat(ctx context.Context, session interaction.ID, who interaction.Party, code string) error
	InviteChat(ctx context.Context, by interaction.Actor, session, agent interaction.ID, group string, mode interaction.ChatMode, word string) (interaction.ID, error)
	SaveChatFile(ctx context.Context, session interaction.ID, who interaction.Party, name, mediaType string, data []byte) (interaction.File, error)
	ChatFile(ctx context.Context, session, upload interaction.ID) (interaction.File, []byte, error)
}

// Chat is a conversation as those in it see it.
type Chat struct {
	ID         interaction.ID    `json:"id" doc:"the interaction's"`
	EntryPoint string            `json:"entry_point"`
	ContactID  interaction.ID    `json:"contact_id"`
	Nickname   string            `json:"nickname"`
	Language   string            `json:"language"`
	Page       string            `json:"page,omitempty" doc:"that the customer is on"`
	OpenedAt   time.Time         `json:"opened_at"`
	EndedAt    *time.Time        `json:"ended_at,omitempty"`
	EndedBy    string            `json:"ended_by,omitempty" doc:"customer, agent, supervisor, inactive or workflow"`
	Async      bool              `json:"async"`
	Last       int64             `json:"last" doc:"number of the newest message"`
	Parties    []ChatParticipant `json:"parties" nullable:"false"`
}

// ChatParticipant is somebody who is, or was, in a conversation.
type ChatParticipant struct {
	Role     string         `json:"role" enum:"customer,agent,supervisor"`
	Name     string         `json:"name"`
	AgentID  interaction.ID `json:"agent_id,omitempty"`
	Mode     string         `json:"mode" enum:"full,coach,silent"`
	JoinedAt time.Time      `json:"joined_at"`
	LeftAt   *time.Time     `json:"left_at,omitempty"`
	ReadTo   int64          `json:"read_to" doc:"number of the newest message that he has seen"`
}

// ChatMessage is one numbered message of a conversation.
type ChatMessage struct {
	Number   int64       `json:"number"`
	At       time.Time   `json:"at"`
	From     ChatParty   `json:"from"`
	Kind     string      `json:"kind" enum:"text,note,url,file,joined,left,question,alert,ended,renamed,attention"`
	Text     string      `json:"text,omitempty"`
	Choices  []string    `json:"choices,omitempty"`
	File     *Attachment `json:"file,omitempty" doc:"its bytes are below the message's path, as file"`
	ClientID string      `json:"client_id,omitempty"`
	Internal bool        `json:"internal" doc:"for agents only"`
}

// ChatParty is who wrote a message.
type ChatParty struct {
	Role    string         `json:"role" enum:"customer,agent,supervisor,system"`
	Name    string         `json:"name,omitempty"`
	AgentID interaction.ID `json:"agent_id,omitempty"`
}

// ChatOutput is one conversation.
type ChatOutput struct{ Body Chat }

func chatView(c interaction.ChatSession) Chat {
	v := Chat{
		ID: c.ID, EntryPoint: c.EntryPoint, ContactID: c.Contact, Nickname: c.Nickname, Language: c.Language, Page: c.Page, OpenedAt: c.OpenedAt,
		EndedAt: moment(c.EndedAt), EndedBy: c.EndedBy, Async: c.Async, Last: c.Last,
	}
	v.Parties = each(c.Parties, func(p interaction.Participant) ChatParticipant {
		return ChatParticipant{string(p.Role), p.Name, p.Agent, string(p.Mode), p.JoinedAt, moment(p.LeftAt), p.ReadTo}
	})
	return v
}

func chatMessageView(m interaction.ChatMessage) ChatMessage {
	v := ChatMessage{
		Number: m.Number, At: m.At, From: ChatParty{string(m.From.Role), m.From.Name, m.From.Agent}, Kind: string(m.Kind), Text: m.Text, Choices: m.Choices,
		ClientID: m.ClientID, Internal: m.Internal,
	}
	if m.File != nil {
		file := attachmentView(1, *m.File)
		v.File = &file
	}
	return v
}

// chatOf gives a conversation that the actor is in, and his part in it.
func (s *server) chatOf(ctx context.Context, id string) (interaction.ChatSession, interaction.Party, error) {
	session, err := pathID(id, "chat")
	if err != nil {
		return interaction.ChatSession{}, interaction.Party{}, err
	}
	by := actorOf(ctx)
	c, err := s.ChatAgent(ctx, by, session)
	for _, p := range c.Parties {
		if p.Agent == by.Agent && by.Agent != "" {
			return c, p.Party, err
		}
	}
	return c, interaction.Party{}, err
}

func (s *server) getChat(ctx context.Context, in *ByID) (*ChatOutput, error) {
	c, _, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &ChatOutput{chatView(c)}, nil
}

// ChatMessagesInput asks for what is behind a number.
type ChatMessagesInput struct {
	ByID
	Since int64 `query:"since" minimum:"0" doc:"number of the newest message that is known; 0: from the beginning"`
	Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"how many at most; ask again behind the last"`
}

func (s *server) chatMessages(ctx context.Context, in *ChatMessagesInput) (*List[ChatMessage], error) {
	c, _, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.ChatMessages(ctx, c.ID, in.Since, true, in.Limit)
	if err != nil {
		return nil, err
	}
	return whole(list, chatMessageView), nil
}

// ChatPostInput says something in a conversation.
type ChatPostInput struct {
	ByID
	Body struct {
		Kind     string `json:"kind,omitempty" enum:"text,note,url,file,renamed" default:"text"`
		Text     string `json:"text,omitempty" maxLength:"16384"`
		Upload   string `json:"upload,omitempty" maxLength:"64" doc:"of kind file: an upload of this conversation"`
		ClientID string `json:"client_id,omitempty" maxLength:"100" doc:"one's own; sent again it is one message, and the answer is the same"`
	}
}

// ChatPostOutput is the message as it was kept.
type ChatPostOutput struct{ Body ChatMessage }

func (s *server) postChat(ctx context.Context, in *ChatPostInput) (*ChatPostOutput, error) {
	c, who, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	upload, err := optionalID("upload", in.Body.Upload)
	if err != nil {
		return nil, err
	}
	posted, err := s.PostChats(ctx, []interaction.ChatPost{{
		Session: c.ID, From: who, Kind: interaction.ChatKind(in.Body.Kind), Text: in.Body.Text, File: upload, ClientID: in.Body.ClientID,
	}})
	if err == nil {
		err = posted[0].Err
	}
	if err != nil {
		return nil, err
	}
	return &ChatPostOutput{chatMessageView(posted[0].Message)}, nil
}

// ChatJoinInput says how one takes part.
type ChatJoinInput struct {
	ByID
	Body struct {
		Mode string `json:"mode" enum:"full,coach,silent" doc:"full: speaks to everybody; coach: to agents; silent: reads along"`
	}
}

func (s *server) joinChat(ctx context.Context, in *ChatJoinInput) (*ChatOutput, error) {
	session, err := pathID(in.ID, "chat")
	if err != nil {
		return nil, err
	}
	c, err := s.JoinChat(ctx, actorOf(ctx), session, interaction.ChatMode(in.Body.Mode))
	if err != nil {
		return nil, err
	}
	return &ChatOutput{chatView(c)}, nil
}

func (s *server) leaveChat(ctx context.Context, in *ByID) (*noContent, error) {
	c, _, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	_, err = s.JoinChat(ctx, actorOf(ctx), c.ID, "")
	return nil, err
}

func (s *server) endChat(ctx context.Context, in *ByID) (*noContent, error) {
	c, who, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.EndChat(ctx, c.ID, who, string(who.Role))
}

// ChatInviteInput asks somebody into a conversation.
type ChatInviteInput struct {
	ByID
	Body struct {
		AgentID string `json:"agent_id,omitempty" maxLength:"64" doc:"either this"`
		Group   string `json:"group,omitempty" maxLength:"100" doc:"or this"`
		Mode    string `json:"mode,omitempty" enum:"full,coach" default:"full"`
		Word    string `json:"word,omitempty" maxLength:"2000" doc:"for who is invited"`
	}
}

func (s *server) inviteChat(ctx context.Context, in *ChatInviteInput) (*ConsultOutput, error) {
	c, _, err := s.chatOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	agent, err := optionalID("agent_id", in.Body.AgentID)
	if err != nil {
		return nil, err
	}
	task, err := s.InviteChat(ctx, actorOf(ctx), c.ID, agent, in.Body.Group, interaction.ChatMode(in.Body.Mode), in.Body.Word)
	if err != nil {
		return nil, err
	}
	return consulted(Consult{ID: task, Agent: agent, Group: in.Body.Group, Question: in.Body.Word}), nil
}

// chatUpload keeps a file of the conversation; a message of kind file names it.
func (s *server) chatUpload(c *gin.Context) error {
	ctx := c.Request.Context()
	session, who, err := s.chatOf(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	name, data, err := readUpload(c)
	if err != nil {
		return err
	}
	file, err := s.SaveChatFile(ctx, session.ID, who, name, files.Type(name, data), data)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, Upload{file.Upload, file.Name, file.Type, file.Size, file.SHA256})
	return nil
}

// chatFile gives the bytes of a message's file.
func (s *server) chatFile(c *gin.Context) error {
	ctx := c.Request.Context()
	session, _, err := s.chatOf(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	number, err := messageNumber(c)
	if err != nil {
		return err
	}
	list, err := s.ChatMessages(ctx, session.ID, number-1, true, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].Number != number || list[0].File == nil {
		return interaction.Unknown("attachment")
	}
	file, data, err := s.ChatFile(ctx, session.ID, list[0].File.Upload)
	if err != nil {
		return err
	}
	download(c, file.Type, file.Name, data)
	return nil
}
