package api

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
	put  = http.MethodPut
	del  = http.MethodDelete
)

// addRoutes is the list of everything there is. What follows from whose a thing is decides the part that keeps
// it; the role here is the least that makes sense of the route at all.
func (s *server) addRoutes() {
	const (
		everybody = interaction.RoleDesigner
		agent     = interaction.RoleAgent
		senior    = interaction.RoleSenior
		admin     = interaction.RoleAdmin
	)
	s.huma.OpenAPI().Components.Schemas.Schema(problemSchema, true, "Problem")

	on(s, route{method: post, path: "/v1/session", summary: "Sign in", public: true, status: 201}, s.signIn)
	on(s, route{method: del, path: "/v1/session", summary: "Sign out: end the token that asks", role: everybody}, s.signOut)

	on(s, route{method: get, path: "/v1/interactions", summary: "List interactions", role: agent}, s.listInteractions)
	on(s, route{method: post, path: "/v1/interactions", summary: "Write to a customer first", role: agent, status: 201, limit: textBody}, s.startInteraction)
	on(s, route{method: get, path: "/v1/interactions/{id}", summary: "Look at an interaction", role: agent}, s.getInteraction)
	on(s, route{method: get, path: "/v1/interactions/{id}/messages", summary: "Read its messages", role: agent}, s.interactionMessages)
	on(s, route{method: get, path: "/v1/interactions/{id}/events", summary: "Read its audit", role: agent}, s.interactionEvents)
	on(s, route{method: get, path: "/v1/interactions/{id}/routing", summary: "Who would get its waiting tasks now, and why", role: everybody}, s.interactionRouting)
	s.plain(route{method: get, path: "/v1/interactions/{id}/messages/{number}/raw", summary: "The bytes of a message as they came", role: agent, raw: true},
		s.rawMessage, bytesOf("message/rfc822", "id", "number"))
	s.plain(route{method: get, path: "/v1/interactions/{id}/messages/{number}/attachments/{attachment}", summary: "The bytes of an attachment", role: agent, raw: true},
		s.attachment, bytesOf("application/octet-stream", "id", "number", "attachment"))

	s.plain(route{method: get, path: "/v1/interactions/{id}/messages/{number}/attachments/{attachment}/thumbnail", summary: "A small JPEG of a picture", role: agent, raw: true},
		s.thumbnail, bytesOf("image/jpeg", "id", "number", "attachment"))
	on(s, route{method: get, path: "/v1/interactions/{id}/messages/{number}/slides", summary: "A multimedia message as it is to be shown, slide by slide", role: agent}, s.messageSlides)
	s.plain(route{method: get, path: "/v1/interactions/{id}/messages/{number}/slides/page", summary: "A multimedia message as a page, slide by slide", role: agent, raw: true}, s.slidesPage, pageOf("id", "number"))

	addOrder[holdBody](s, interaction.OrderHold, "Stop its clock")
	addOrder[holdBody](s, interaction.OrderResume, "Let it go on")
	addOrder[moveBody](s, interaction.OrderMove, "Move it to another queue")
	addOrder[reassignBody](s, interaction.OrderReassign, "Give it to an agent")
	addOrder[priorityBody](s, interaction.OrderPriority, "Change its priority")
	addOrder[dataBody](s, interaction.OrderData, "Change its attached data")
	addOrder[respondBody](s, interaction.OrderAutoRespond, "Answer it automatically")
	addOrder[categoryBody](s, interaction.OrderRecategorize, "Categorise it again")
	addOrder[stopBody](s, interaction.OrderStop, "Stop it with a reason")

	on(s, route{method: get, path: "/v1/tasks", summary: "List tasks", role: agent}, s.listTasks)
	on(s, route{method: post, path: "/v1/tasks/claim-next", summary: "Get the most urgent task that suits", role: agent}, s.claimNext)
	on(s, route{method: get, path: "/v1/tasks/{id}", summary: "Look at a task", role: agent}, s.getTask)
	on(s, route{method: get, path: "/v1/tasks/{id}/routing", summary: "Who would get a waiting task now, and why", role: everybody}, s.taskRouting)
	on(s, route{method: post, path: "/v1/tasks/{id}/claim", summary: "Get a waiting task", role: agent}, s.claim)
	on(s, route{method: post, path: "/v1/tasks/{id}/accept", summary: "Accept an offer", role: agent}, s.accept)
	on(s, route{method: post, path: "/v1/tasks/{id}/decline", summary: "Decline an offer", role: agent}, s.decline)
	on(s, route{method: post, path: "/v1/tasks/{id}/release", summary: "Give a held task back", role: agent}, s.release)
	on(s, route{method: post, path: "/v1/tasks/{id}/reply", summary: "Answer the customer", role: agent, status: 201, limit: textBody}, s.reply)
	on(s, route{method: post, path: "/v1/tasks/{id}/transfer", summary: "Hand a held task on", role: agent}, s.transfer)
	on(s, route{method: post, path: "/v1/tasks/{id}/forward", summary: "Ask somebody outside by mail; the answer comes back as a note", role: agent, status: 201, limit: 256 << 10}, s.forward)
	on(s, route{method: post, path: "/v1/tasks/{id}/consult", summary: "Ask a colleague", role: agent, status: 201, limit: 256 << 10}, s.consult)
	on(s, route{method: post, path: "/v1/tasks/{id}/snooze", summary: "Put a held task away", role: agent}, s.snooze)
	on(s, route{method: post, path: "/v1/tasks/{id}/complete", summary: "End a held task without a reply", role: agent, limit: 1 << 20}, s.complete)
	on(s, route{method: put, path: "/v1/tasks/{id}/category", summary: "Say what a held task is about", role: agent}, s.categorizeTask)
	on(s, route{method: post, path: "/v1/tasks/{id}/suggestions/reject", summary: "Say that a suggested response does not fit", role: agent}, s.rejectSuggestion)
	on(s, route{method: get, path: "/v1/tasks/{id}/draft", summary: "Read the draft", role: agent}, s.getDraft)
	on(s, route{method: put, path: "/v1/tasks/{id}/draft", summary: "Save a draft", role: agent, limit: textBody}, s.putDraft)

	on(s, route{method: post, path: "/v1/tasks/{id}/draft/answers", summary: "Join colleagues' answers to the draft", role: agent}, s.joinAnswers)
	on(s, route{method: get, path: "/v1/workbins/me", summary: "List one's own work", role: agent}, s.ownWorkbin)
	on(s, route{method: get, path: "/v1/workbins/groups/{group}", summary: "List the work of one's group", role: agent}, s.groupWorkbin)

	on(s, route{method: get, path: "/v1/outbound", summary: "List what is on its way out", role: agent}, s.listOutbound)
	on(s, route{method: get, path: "/v1/reviews", summary: "List replies to decide on", role: senior}, s.listReviews)
	on(s, route{method: get, path: "/v1/reviews/{id}", summary: "Look at a reply to decide on", role: agent}, s.getReview)
	on(s, route{method: post, path: "/v1/reviews/{id}/decision", summary: "Decide on a reply", role: agent, limit: textBody}, s.decide)

	on(s, route{method: get, path: "/v1/interactions/{id}/messages/{number}/edits", summary: "What reviewers changed in a message", role: agent}, s.listEdits)
	on(s, route{method: get, path: "/v1/review-rates", summary: "How often people are reviewed now, and why", role: agent}, s.listRates)
	on(s, route{method: get, path: "/v1/scorecards", summary: "How reviews went, by author or by reviewer", role: agent}, s.listScorecards)

	on(s, route{method: get, path: "/v1/chats/{id}", summary: "Look at a conversation that one is in", role: agent}, s.getChat)
	on(s, route{method: get, path: "/v1/chats/{id}/messages", summary: "Read its messages behind a number", role: agent}, s.chatMessages)
	on(s, route{method: post, path: "/v1/chats/{id}/messages", summary: "Say something in it", role: agent, status: 201, limit: 256 << 10}, s.postChat)
	on(s, route{method: post, path: "/v1/chats/{id}/join", summary: "Take part in it as a supervisor, or change how one does", role: agent}, s.joinChat)
	on(s, route{method: post, path: "/v1/chats/{id}/leave", summary: "Leave it", role: agent}, s.leaveChat)
	on(s, route{method: post, path: "/v1/chats/{id}/end", summary: "End it for everybody", role: agent}, s.endChat)
	on(s, route{method: post, path: "/v1/chats/{id}/invite", summary: "Ask a colleague into it", role: agent, status: 201}, s.inviteChat)
	s.plain(route{method: post, path: "/v1/chats/{id}/files", summary: "Upload a file for it", role: agent, status: 201, raw: true, untimed: true}, s.chatUpload, chatUploadForm(s))
	s.plain(route{method: get, path: "/v1/chats/{id}/messages/{number}/file", summary: "The bytes of a message's file", role: agent, raw: true},
		s.chatFile, bytesOf("application/octet-stream", "id", "number"))

	on(s, route{method: get, path: "/v1/categories", summary: "List the category tree", role: everybody}, s.listCategories)
	s.plain(route{method: post, path: "/v1/attachments", summary: "Upload a file to attach", role: agent, status: 201, raw: true, untimed: true}, s.upload, uploadForm(s))

	on(s, route{method: get, path: "/v1/contacts", summary: "Find contacts", role: agent}, s.listContacts)
	on(s, route{method: get, path: "/v1/contacts/{id}", summary: "Look at a contact and his history", role: agent}, s.getContact)

	on(s, route{method: get, path: "/v1/contacts/{id}/merges", summary: "List what was merged into a contact", role: agent}, s.listMerges)
	on(s, route{method: post, path: "/v1/contacts/{id}/merge", summary: "Make another contact this one: he is the same person", role: agent, status: 201}, s.mergeContact)
	on(s, route{method: post, path: "/v1/contacts/{id}/unmerge", summary: "Undo a merge: each contact gets back what was his", role: agent}, s.unmergeContact)
	on(s, route{method: put, path: "/v1/contacts/{id}/surveys", summary: "Say whether a contact may be asked how it was", role: agent}, s.setContactSurveys)
	on(s, route{method: get, path: "/v1/surveys", summary: "List what customers were asked when it was over, and answered", role: agent}, s.listSurveys)
	on(s, route{method: get, path: "/v1/interactions/{id}/survey", summary: "What its customer was asked when it was over, and answered", role: agent}, s.getSurvey)
	on(s, route{method: get, path: "/v1/contacts/{id}/history", summary: "What there was with a contact on all channels", role: agent}, s.contactHistory)
	on(s, route{method: get, path: "/v1/contacts/{id}/notes", summary: "List a contact's notes", role: agent}, s.contactNotes)
	on(s, route{method: post, path: "/v1/contacts/{id}/notes", summary: "Note something on a contact", role: agent, status: 201}, s.noteContact)
	on(s, route{method: get, path: "/v1/interactions/{id}/notes", summary: "List an interaction's notes", role: agent}, s.interactionNotes)
	on(s, route{method: post, path: "/v1/interactions/{id}/notes", summary: "Note something on an interaction", role: agent, status: 201}, s.noteInteraction)
	on(s, route{method: get, path: "/v1/reasons", summary: "List reasons for not being ready", role: everybody}, s.listReasons)
	on(s, route{method: get, path: "/v1/dispositions", summary: "List how a task may end", role: everybody}, s.listDispositions)

	on(s, route{method: get, path: "/v1/queues", summary: "List queues and how they stand", role: everybody}, s.listQueues)
	on(s, route{method: get, path: "/v1/agents", summary: "List the people of one's groups", role: everybody}, s.listAgents)
	on(s, route{method: get, path: "/v1/agents/me", summary: "Look at oneself", role: everybody}, s.getMe)
	on(s, route{method: put, path: "/v1/agents/me/state", summary: "Be ready, or not", role: agent}, s.setState)
	on(s, route{method: put, path: "/v1/agents/me/password", summary: "Change one's password and end one's other sessions", role: everybody}, s.setPassword)

	s.addConfiguration()
	s.addResponses()
	on(s, route{method: post, path: "/v1/rules/try", summary: "See what screening rules would do with a message", configures: true, limit: textBody}, s.tryRules)
	on(s, route{method: get, path: "/v1/rules/hits", summary: "How often each screening rule applied", configures: true}, s.ruleHits)

	s.addModels()
	s.addSupervision()
	s.addStatistics()
	s.addPrivacy()

	s.plain(route{method: get, path: "/v1/events", summary: "Hear what happens, as it happens", role: agent, raw: true, untimed: true}, s.streamEvents, eventStream)

	on(s, route{method: get, path: "/v1/callbacks", summary: "List requests to be called, those due first at the top", role: agent}, s.listCallbacks)
	on(s, route{method: post, path: "/v1/callbacks", summary: "Book a call to a customer", role: agent, status: 201}, s.bookCallback)
	on(s, route{method: get, path: "/v1/callbacks/slots", summary: "List the times that can be booked", role: agent}, s.listSlots)
	on(s, route{method: get, path: "/v1/callbacks/{id}", summary: "Look at a request to be called", role: agent}, s.getCallback)
	on(s, route{method: post, path: "/v1/callbacks/{id}/move", summary: "Give it another time", role: agent}, s.moveCallback)
	on(s, route{method: post, path: "/v1/callbacks/{id}/cancel", summary: "Cancel it", role: agent}, s.cancelCallback)
	on(s, route{method: post, path: "/v1/callbacks/{id}/dial", summary: "Have its number dialled, where one holds its task", role: agent}, s.dialCallback)

	on(s, route{method: post, path: "/v1/texts/measure", summary: "Count the segments that a text takes as a short message", role: agent, limit: 256 << 10}, s.measureText)
	on(s, route{method: get, path: "/v1/consents/{channel}/{address}", summary: "Look up whether somebody may be written to", role: agent}, s.getConsent)
	on(s, route{method: put, path: "/v1/consents/{channel}/{address}", summary: "Write down that he may not, or may again", role: agent}, s.putConsent)
	on(s, route{method: get, path: "/v1/links", summary: "List the lines to carriers, and how they are doing", configures: true}, s.listLinks)
	on(s, route{method: get, path: "/v1/webhooks", summary: "List who is told of events, and how that goes", configures: true}, s.listWebhooks)
	on(s, route{method: get, path: "/v1/webhooks/{name}", summary: "Look at how deliveries to one go", configures: true}, s.getWebhook)
	on(s, route{method: post, path: "/v1/webhooks/{name}/secret", summary: "Give a webhook a new secret, and tell it", role: admin}, s.rotateWebhook)

	s.plain(route{method: get, path: "/healthz", summary: "Whether the process lives", public: true, raw: true}, s.healthy, jsonAnswer(s, Health{}, "200"))
	s.plain(route{method: get, path: "/readyz", summary: "Whether all parts are well", public: true, raw: true}, s.ready, jsonAnswer(s, Health{}, "200"))
	s.plain(route{method: get, path: "/v1/openapi.json", summary: "This description", public: true, raw: true}, s.openAPI(), anyJSON)
}

// openAPI answers with the description, made when it is asked for the first time.
func (s *server) openAPI() func(*gin.Context) error {
	made := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.huma.OpenAPI()) })
	return func(c *gin.Context) error {
		document, err := made()
		if err != nil {
			return err
		}
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "application/openapi+json;version=3.1", document)
		return nil
	}
}
