package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// PostChats appends all posts in one transaction, each numbered under its session's row lock; the answers are in the order of the posts.
// A post that is refused does not hold up the others. When the whole fails, nothing was appended, and the same posts can be made again.
func (s *Store) PostChats(ctx context.Context, posts []interaction.ChatPost) ([]interaction.ChatPosted, error) {
	var answers []interaction.ChatPosted
	err := s.inTx(ctx, func(t *tx) error {
		p := poster{log: &chatLog{}, posts: posts}
		if err := p.prepare(ctx, t); err != nil {
			return err
		}
		answers = make([]interaction.ChatPosted, len(posts))
		for n, post := range posts {
			m, repeat, err := p.post(post)
			answers[n] = interaction.ChatPosted{Message: m, Repeat: repeat, Err: err}
		}
		return p.finish(ctx, t)
	})
	return answers, err
}

// poster makes messages of posts, in one transaction.
type poster struct {
	log   *chatLog
	posts []interaction.ChatPost

	locked  map[interaction.ID]bool // interactions whose workflow may hear of an answer
	people  map[chatMember]interaction.Participant
	had     map[chatClient]interaction.ChatMessage
	files   map[interaction.ID]chatFile
	answers []chatAnswer
	renamed []chatMember
	asked   []*chatRow

	optedOut map[interaction.ID]bool // sessions by text whose customer wants no more
}

type chatMember struct{ session, agent interaction.ID }

// chatClient names a message by its client.
type chatClient struct {
	session interaction.ID
	role    interaction.ChatRole
	agent   interaction.ID
	id      string
}

func clientOf(p interaction.ChatPost) chatClient {
	return chatClient{p.Session, p.From.Role, p.From.Agent, p.ClientID}
}

type chatFile struct {
	session, agent interaction.ID
	file           interaction.File
}

// prepare takes the locks and reads what the posts are judged by.
func (p *poster) prepare(ctx context.Context, t *tx) error {
	var sessions, customers, files []interaction.ID
	clients := []string{}
	people := false
	for _, post := range p.posts {
		sessions = append(sessions, post.Session)
		if post.From.Role == interaction.ChatCustomer {
			customers = append(customers, post.Session)
		}
		people = people || post.From.Agent != ""
		if post.File != "" {
			files = append(files, post.File)
		}
		if post.ClientID != "" {
			clients = append(clients, post.ClientID)
		}
	}
	slices.Sort(sessions)
	sessions = slices.Compact(sessions)
	if err := p.lockStories(ctx, t, customers); err != nil {
		return err
	}
	p.people, p.had, p.files = map[chatMember]interaction.Participant{}, map[chatClient]interaction.ChatMessage{}, map[interaction.ID]chatFile{}
	batch := &pgx.Batch{}
	p.log.queueLock(batch, sessions)
	if people {
		p.queuePeople(batch, sessions)
	}
	if len(clients) > 0 {
		p.queueHad(batch, sessions, clients)
	}
	if len(files) > 0 {
		p.queueFiles(batch, sessions, files)
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return p.refusesOutside(ctx, t)
}

// lockStories locks the interactions of sessions where a customer's word is more than a message: it answers a question, or wakes a task that
// was put away. Interactions come before sessions in the order of locks; a question that is asked behind this look is not answered by what was
// written before it.
func (p *poster) lockStories(ctx context.Context, t *tx, customers []interaction.ID) error {
	if len(customers) == 0 {
		return nil
	}
	rows, err := t.Query(ctx, `select i.id, s.sleeping from chat_sessions s join interactions i on i.id = s.interaction_id
		where s.interaction_id = any($1::uuid[]) and (s.asking is not null or s.sleeping) order by i.id for update of i`, customers)
	if err != nil {
		return err
	}
	p.locked = map[interaction.ID]bool{}
	var id interaction.ID
	var sleeping bool
	var wake []interaction.ID
	if _, err := pgx.ForEachRow(rows, []any{&id, &sleeping}, func() error {
		p.locked[id] = true
		if sleeping {
			wake = append(wake, id)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range wake {
		if err := t.customerWrote(ctx, id); err != nil {
			return err
		}
		if err := t.addNews(ctx, id, interaction.News{Kind: interaction.NewsLeft, Code: "woken"}, ""); err != nil {
			return err
		}
		if err := t.audit(ctx, event{Code: "chat.woken", Interaction: id}); err != nil {
			return err
		}
	}
	return nil
}

func (p *poster) queuePeople(batch *pgx.Batch, sessions []interaction.ID) {
	batch.Queue(`select session_id, agent_id, role, name, mode from chat_participants where session_id = any($1::uuid[]) and left_at is null`, sessions).
		Query(func(rows pgx.Rows) error {
			var session interaction.ID
			var who interaction.Participant
			_, err := pgx.ForEachRow(rows, []any{&session, &who.Agent, &who.Role, &who.Name, &who.Mode}, func() error {
				p.people[chatMember{session, who.Agent}] = who
				return nil
			})
			return err
		})
}

func (p *poster) queueHad(batch *pgx.Batch, sessions []interaction.ID, clients []string) {
	batch.Queue(`select `+chatColumns+` from chat_messages where session_id = any($1::uuid[]) and client_id = any($2) and client_id <> ''`, sessions, clients).
		Query(func(rows pgx.Rows) error {
			list, err := pgx.CollectRows(rows, scanChatMessage)
			for _, m := range list {
				p.had[chatClient{m.Session, m.From.Role, m.From.Agent, m.ClientID}] = m
			}
			return err
		})
}

func (p *poster) queueFiles(batch *pgx.Batch, sessions, files []interaction.ID) {
	batch.Queue(`select session_id, agent_id, id, name, type, size, sha256 from uploads where id = any($1::uuid[]) and session_id = any($2::uuid[])`, files, sessions).
		Query(func(rows pgx.Rows) error {
			var f chatFile
			_, err := pgx.ForEachRow(rows, []any{&f.session, &f.agent, &f.file.Upload, &f.file.Name, &f.file.Type, &f.file.Size, &f.file.SHA256}, func() error {
				p.files[f.file.Upload] = f
				return nil
			})
			return err
		})
}

// post makes one message, or says why not.
func (p *poster) post(post interaction.ChatPost) (m interaction.ChatMessage, repeat bool, err error) {
	c := p.log.sessions[post.Session]
	if c == nil {
		return m, false, interaction.Unknown("chat")
	}
	m = interaction.ChatMessage{From: post.From, Kind: post.Kind, Text: post.Text, Choices: post.Choices, ClientID: post.ClientID}
	if err := post.Check(interaction.MaxChatText); err != nil {
		return m, false, err
	}
	if post.ClientID != "" {
		if had, ok := p.had[clientOf(post)]; ok {
			return repeated(had, post)
		}
	}
	if m.From, err = p.party(c, post); err != nil {
		return m, false, err
	}
	if c.EndedAt != nil && !post.Kind.ForAgentsOnly() {
		return m, false, interaction.Conflict("chat_ended", "the conversation is over").With("ended_by", c.EndedBy)
	}
	if post.Kind == interaction.ChatFile {
		f, ok := p.files[post.File]
		if !ok || f.session != c.ID || f.agent != post.From.Agent {
			return m, false, interaction.Invalid("bad_file", "upload", "is no file that you have uploaded to this conversation")
		}
		m.File = &f.file
	}
	if p.optedOut[c.ID] && goesOut(m) && m.From.Role != interaction.ChatSystem {
		return m, false, interaction.Conflict(codeOptedOut, "the customer has asked to get no more messages; only he can take that back")
	}
	m = p.log.add(c, m)
	if post.ClientID != "" {
		p.had[clientOf(post)] = m
	}
	p.follow(c, post, m)
	return m, false, nil
}

// repeated gives the first answer again, if what is sent again is the same.
func repeated(had interaction.ChatMessage, post interaction.ChatPost) (interaction.ChatMessage, bool, error) {
	same := had.Kind == post.Kind && had.Text == post.Text && (had.File == nil) == (post.File == "")
	if same && had.File != nil {
		same = had.File.Upload == post.File
	}
	if !same {
		return had, false, interaction.Conflict("id_reused", "another message was sent with this client_id; take a new one")
	}
	return had, true, nil
}

// party says who speaks: what he calls himself here, and whether he may.
func (p *poster) party(c *chatRow, post interaction.ChatPost) (interaction.Party, error) {
	switch post.From.Role {
	case interaction.ChatCustomer:
		return interaction.Party{Role: interaction.ChatCustomer, Name: c.Nickname}, nil
	case interaction.ChatSystem:
		return interaction.Party{Role: interaction.ChatSystem, Name: post.From.Name}, nil
	}
	who, there := p.people[chatMember{c.ID, post.From.Agent}]
	switch {
	case !there:
		return who.Party, interaction.Unknown("chat")
	case who.Mode == interaction.ChatFull || who.Mode == interaction.ChatCoach && post.Kind == interaction.ChatNote:
		return who.Party, nil
	}
	return who.Party, interaction.Forbidden("forbidden", "you take part as %s: this would be heard by the customer", who.Mode)
}

// follow does what a message means beside being one.
func (p *poster) follow(c *chatRow, post interaction.ChatPost, m interaction.ChatMessage) {
	if post.Kind.Says() && post.From.Role != interaction.ChatSystem {
		c.ActiveAt, c.Alerts = p.log.at, 0
	}
	switch {
	case post.Kind == interaction.ChatRenamed && post.From.Role == interaction.ChatCustomer:
		c.Nickname = post.Text
		p.log.fresh[len(p.log.fresh)-1].From.Name = post.Text
	case post.Kind == interaction.ChatRenamed:
		member := chatMember{c.ID, post.From.Agent}
		who := p.people[member]
		who.Name = post.Text
		p.people[member] = who
		p.renamed = append(p.renamed, member)
		p.log.fresh[len(p.log.fresh)-1].From.Name = post.Text
	case post.Kind == interaction.ChatQuestion && post.Asks != "":
		c.Asking = &asking{Key: post.Asks, Kind: post.AskKind, Text: post.Text, Choices: post.Choices}
		p.asked = append(p.asked, c)
	case post.Kind == interaction.ChatText && post.From.Role == interaction.ChatCustomer:
		p.woken(c)
		if c.Asking != nil && p.locked[c.ID] {
			p.answer(c, m)
		}
	case post.From.Role == interaction.ChatCustomer:
		p.woken(c)
	}
}

// woken lets a session wait for its agent whose customer has spoken: until somebody is there to answer, no clock runs.
func (p *poster) woken(c *chatRow) {
	if c.Sleeping && p.locked[c.ID] {
		c.Sleeping, c.DueAt = false, nil
	}
}

// finish writes everything.
func (p *poster) finish(ctx context.Context, t *tx) error {
	for _, c := range p.asked {
		policy, err := t.chatPolicy(ctx, c.EntryPoint)
		if err != nil {
			return err
		}
		p.log.wake(c, policy)
	}
	if len(p.log.fresh) == 0 {
		return nil
	}
	p.log.touched()
	if err := p.log.keep(ctx, t); err != nil {
		return err
	}
	for _, m := range p.renamed {
		if _, err := t.Exec(ctx, `update chat_participants set name = $3 where session_id = $1 and agent_id = $2`, m.session, m.agent, p.people[m].Name); err != nil {
			return err
		}
	}
	for _, a := range p.answers {
		if err := t.keepAnswer(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// touched forgets sessions to which nothing was appended: their rows are as they were.
func (l *chatLog) touched() {
	changed := map[interaction.ID]bool{}
	for _, m := range l.fresh {
		changed[m.Session] = true
	}
	for id := range l.sessions {
		if !changed[id] {
			delete(l.sessions, id)
		}
	}
}

const chatColumns = `session_id, number, at, role, agent_id, name, kind, body, file, choices, client_id, internal`

func scanChatMessage(row pgx.CollectableRow) (interaction.ChatMessage, error) {
	var m interaction.ChatMessage
	err := row.Scan(&m.Session, &m.Number, &m.At, &m.From.Role, &m.From.Agent, &m.From.Name, &m.Kind, &m.Text, &m.File, &m.Choices, &m.ClientID, &m.Internal)
	m.At = m.At.UTC()
	if len(m.Choices) == 0 {
		m.Choices = nil
	}
	return m, err
}
