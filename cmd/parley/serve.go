package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/activities/autoresponse"
	"parley/activities/callback"
	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/survey"
	"parley/activities/training"
	"parley/activities/understanding"
	callpage "parley/adapters/callback"
	"parley/adapters/catcher"
	"parley/adapters/chat"
	"parley/adapters/smtp"
	surveypage "parley/adapters/survey"
	"parley/adapters/webform"
	"parley/adapters/webhook"
	"parley/engine"
	"parley/interaction"
	"parley/lib/calendar"
	"parley/lib/safehttp"
	"parley/store"
	"parley/workers"
)

// house is everything joined: what runs in this process.
type house struct {
	config   config
	log      *slog.Logger
	store    *store.Store
	engine   *engine.Engine
	sender   interaction.Sender
	outbox   *catcher.Catcher // nil with a smart host
	chat     *chat.Adapter
	forms    *webform.Adapter
	surveys  *surveypage.Page
	calls    *callpage.Adapter
	know     *knowledge
	carriers *carriers
	inbound  workers.Bell
	news     workers.Bell
	tasks    workers.Bell
	changes  *fanOut
	others   *store.Others // nil when all roles run here

	temporalUI string       // host:port of Temporal's Web UI, where we started it
	webAddress atomic.Value // host:port of our own HTTP, once it listens
	ledger     *erasureLedger
	demo       bool // the demo configuration was applied, and its pages are shown
}

// openHouse connects to PostgreSQL (waiting a little for it) and prepares the rest; nothing runs yet.
func openHouse(ctx context.Context, c config, databaseURL, temporal string, log *slog.Logger) (h *house, err error) {
	err = patiently(ctx, log, func() error {
		h, err = tryHouse(ctx, c, databaseURL, temporal, log)
		return err
	})
	return h, err
}

func tryHouse(ctx context.Context, c config, databaseURL, temporal string, log *slog.Logger) (*house, error) {
	h := &house{config: c, log: log, inbound: workers.NewBell(), news: workers.NewBell(), tasks: workers.NewBell(), changes: newFanOut(), ledger: c.ledger()}
	if err := store.Migrate(ctx, databaseURL); err != nil {
		return nil, err
	}
	if len(c.Role) > 0 { // the other roles run elsewhere
		h.others = store.NewOthers()
	}
	var err error
	h.store, err = store.Open(ctx, databaseURL, store.Options{
		Renderer: renderer{}, Log: log, Others: h.others, MailDomain: h.config.Hostname, Hours: &calendar.Shelf{}, Numbers: numbers{},
		Wake: store.Wake{
			Inbound: h.inbound.Ring, Outbox: h.news.Ring, Tasks: h.tasks.Ring, Events: h.changes.Ring,
			Chats:      func(list []interaction.ChatAppended) { h.chat.Appended(list) },
			ChatNotice: func(n interaction.ChatNotice) { h.chat.Noticed(n) },
		},
	})
	if err != nil {
		return nil, err
	}
	if err := h.store.CheckSchema(ctx); err != nil {
		h.store.Close()
		return nil, err
	}
	if h.chat, err = chat.New(context.WithoutCancel(ctx), chat.Options{Log: log, Secret: h.secretAt}, h.store, h.store); err != nil {
		h.store.Close()
		return nil, err
	}
	if h.surveys, err = surveypage.New(surveypage.Options{Log: log}, h.store); err != nil {
		h.store.Close()
		return nil, err
	}
	if h.calls, err = callpage.New(callpage.Options{Log: log, PublicURL: h.publicURL}, h.store); err != nil {
		h.store.Close()
		return nil, err
	}
	host, _ := os.Hostname()
	identity := fmt.Sprintf("parley@%s/%d", host, os.Getpid())
	if err := h.openSender(); err != nil {
		h.store.Close()
		return nil, err
	}
	h.carriers = newCarriers(h, identity+"/"+string(interaction.NewID()))
	h.forms, err = webform.New(webform.Options{Address: h.carriers.formAddress, Domain: c.Hostname, Logger: log}, h.inbox())
	if err != nil {
		h.store.Close()
		return nil, err
	}
	h.engine, err = engine.Dial(engine.Options{
		Address: temporal, Namespace: c.Namespace, Identity: identity, Log: log,
	})
	if err != nil {
		h.store.Close()
		return nil, err
	}
	h.know = newKnowledge(h.store, h.carriers, log)
	return h, nil
}

func (h *house) close() {
	if closer, ok := h.sender.(io.Closer); ok {
		_ = closer.Close() // ends lines that rest
	}
	h.engine.Close()
	h.store.Close()
}

// publicURL is where customers reach this house; empty: nowhere that we know. The demo's customers are on this machine.
func (h *house) publicURL() string {
	if listening, ok := h.webAddress.Load().(string); ok && h.config.PublicURL == "" && h.demo {
		return "http://" + listening
	}
	return strings.TrimSuffix(h.config.PublicURL, "/")
}

// activities joins the subjects with what they need.
func (h *house) activities() workers.Activities {
	return workers.Activities{
		Understanding:  &understanding.Activities{Store: h.store, Screener: h.know.screener, Categorizer: h.know.categorizer, Suggester: h.know.suggester, Outside: h.classifier()},
		Autoresponse:   &autoresponse.Activities{Store: h.store},
		Routing:        &routing.Activities{Store: h.store},
		Review:         &review.Activities{Store: h.store},
		Delivery:       &delivery.Activities{Store: h.store, Sender: h.carriers.sender, RepeatUnknown: h.config.RepeatSends, Again: h.config.SendAgain},
		Postprocessing: &postprocessing.Activities{Store: h.store},
		Training:       &training.Activities{Store: h.store},
		Survey:         &survey.Activities{Store: h.store, Address: h.publicURL},
		Callback:       &callback.Activities{Store: h.store},
		Conversation:   &conversation.Activities{Store: h.store, Renderer: renderer{}, Hours: &calendar.Shelf{}, Address: h.publicURL},
	}
}

// part is something that runs until its context ends.
type part interface {
	Run(ctx context.Context) error
}

type partFunc func(ctx context.Context) error

// Run runs the function.
func (f partFunc) Run(ctx context.Context) error { return f(ctx) }

// serve runs the roles of this process until ctx ends, and then stops them in order: first no more comes in, then what
// runs may finish. ready is called when everything listens.
func (h *house) serve(ctx context.Context, ready func(httpAddr, smtpAddr string) error) error {
	if err := patiently(ctx, h.log, func() error { return h.know.load(ctx) }); err != nil {
		return err
	}
	if h.config.runs("dispatcher") {
		if err := h.eraseAgain(ctx); err != nil {
			return err
		}
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	group, failed := errgroup.WithContext(background)
	for _, p := range h.parts() {
		group.Go(func() error { return p.Run(failed) })
	}
	if err := h.chat.Start(ctx); err != nil {
		return err
	}
	web, err := h.listenHTTP(ctx, group)
	if err != nil {
		return err
	}
	h.webAddress.Store(web.address)
	mailbox, err := h.listenSMTP(ctx)
	if err != nil {
		return err
	}
	smtpAddr := ""
	if mailbox != nil {
		smtpAddr = mailbox.Addr().String()
	}
	if err := ready(web.address, smtpAddr); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 9*time.Second)
	defer cancel()
	if mailbox != nil {
		err = mailbox.Stop(stopping)
	}
	err = errors.Join(err, h.chat.Stop(stopping), web.stop(stopping))
	stopBackground()
	return errors.Join(err, group.Wait())
}

// parts are the background parts of the roles that this process has.
func (h *house) parts() []part {
	parts := []part{h.know}
	if h.others != nil {
		parts = append(parts, partFunc(h.store.TellOthers), partFunc(h.store.HearOthers))
	}
	if h.config.runs("intake") {
		parts = append(parts, &workers.Intake{
			Store: h.store, Bell: h.inbound, Log: h.log, Parsers: parsers(), Checks: checks(h.config),
		})
	}
	if h.config.runs("relay") {
		parts = append(parts, &workers.Relay{Store: h.store, Engine: h.relayEngine(), Bell: h.news, Log: h.log}, &workers.Webhooks{
			Store: h.store, Poster: &webhook.Poster{Client: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow)}), Clock: time.Now}, Log: h.log,
		})
	}
	if h.config.runs("worker") {
		parts = append(parts, &workers.Worker{Client: h.engine.Client(), Activities: h.activities(), Log: h.log},
			&workers.Trainings{Store: h.store, Engine: h.engine, Log: h.log})
	}
	if h.config.runs("dispatcher") {
		parts = append(parts, &workers.Dispatcher{Store: h.store, Bell: h.tasks, Log: h.log, Shards: h.config.Shards}, &workers.ChatClock{Store: h.store, Log: h.log},
			&workers.Usher{Store: h.store, Tell: h.tellChat, Log: h.log}, &workers.Eraser{Store: h.store, Keep: h.ledger.Keep, Log: h.log})
	}
	if h.config.runs("adapters") {
		parts = append(parts, h.carriers.pulled)
	}
	parts = append(parts, &workers.Housekeeper{Store: h.store, Log: h.log}, &workers.Parts{Store: h.store, Log: h.log},
		&workers.Forwarder{Store: h.store, Sender: h.carriers.sender, Log: h.log}, &workers.Sealer{Store: h.store, Log: h.log},
		&workers.Counter{Store: h.store, Log: h.log}, &workers.Selector{Store: h.store, Log: h.log},
		&workers.Exporter{Store: h.store, Log: h.log}, &workers.Retainer{Store: h.store, Log: h.log})
	return parts
}

// tellChat tells every process's customers and agents, this one's among them, of something that is not kept.
func (h *house) tellChat(n interaction.ChatNotice) {
	h.chat.Noticed(n)
	h.store.NoticeChat(n)
}

// listenSMTP starts the listener; nil where another process has that role.
func (h *house) listenSMTP(ctx context.Context) (*smtp.Listener, error) {
	if !h.config.runs("adapters") {
		return nil, nil
	}
	spool := filepath.Join(h.config.Home, "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	secure, err := h.config.mailTLS()
	if err != nil {
		return nil, err
	}
	l, err := smtp.New(smtp.Options{
		Addr: h.config.SMTP, Hostname: h.config.Hostname, TLSConfig: secure, MaxSize: h.config.SMTPMaxSize, Trusted: networks(h.config.SMTPTrusted),
		SpoolDir: spool, Logger: h.log,
	}, h.inbox(), h.store)
	if err != nil {
		return nil, err
	}
	return l, l.Start(ctx)
}

// webServer is the HTTP side of this process.
type webServer struct {
	server  *http.Server
	address string
	cancel  context.CancelFunc // ends the requests' contexts: streams have no other end
}

func (h *house) listenHTTP(ctx context.Context, group *errgroup.Group) (*webServer, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.HTTP)
	if err != nil {
		return nil, fmt.Errorf("PARLEY_HTTP: %w", err)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &webServer{address: ln.Addr().String(), cancel: cancel, server: &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		Handler:     h.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn),
	}}
	group.Go(func() error {
		if err := w.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return w, nil
}

// stop takes no more requests, lets those that run finish for a second, and then ends streams.
func (w *webServer) stop(ctx context.Context) error {
	defer time.AfterFunc(time.Second, w.cancel).Stop()
	defer w.cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		return w.server.Close() // streams that do not end by themselves
	}
	return nil
}
