// What is on the page: the button in the corner and the window behind it, in a shadow root of their own.
import { Composer } from "./composer.js";
import { el, icon, label } from "./dom.js";
import { bytesText } from "./files.js";
import { askToEnd } from "./finish.js";
import { Log } from "./log.js";
import { StartForm } from "./start.js";

export class Panel {
  constructor({ settings, say, sheet, memory, conversation }) {
    Object.assign(this, { settings, say, memory, conversation });
    this.explain = (refusal) => explain(say, refusal);
    this.host = el("div", { class: "parley-chat" });
    const shadow = this.host.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(this.build());
    if (settings.color) {
      this.root.style.setProperty("--accent", settings.color);
      this.root.style.setProperty("--on-accent", inkOn(settings.color));
    }
    conversation.addEventListener("change", () => this.update());
    conversation.addEventListener("refused", ({ detail }) => this.composer.complain(this.explain(detail)));
    document.addEventListener("visibilitychange", () => this.readIfSeen());
    this.update();
  }

  build() {
    const { say, settings, conversation } = this;
    this.start = new StartForm({
      settings, say, explain: this.explain,
      onStart: async (who) => {
        await conversation.open({ ...who, proof: who.email === settings.known.email ? settings.known.proof : "", data: settings.data });
        this.composer.focus();
      },
    });
    this.composer = new Composer({ say, explain: this.explain, memory: this.memory, conversation });
    this.log = new Log({
      say, explain: this.explain, conversation, focus: () => this.composer.focus(),
      edit: (text) => {
        this.composer.put(text);
        this.composer.focus();
      },
    });
    this.log.onread = () => this.readIfSeen();
    this.status = el("p", { class: "status", role: "status" });
    this.endButton = el("button", { type: "button", class: "bar", "aria-label": say("end"), title: say("end"), onclick: () => this.end() }, icon("leave"));
    this.over = el("p", { class: "soft" }, say("lost"));
    this.copy = el("p", { class: "soft", hidden: true });
    this.asked = el("div", { class: "asked" });
    this.thanks = el("p", { class: "soft", role: "status", dir: "auto" });
    this.ended = el("div", { class: "ended" }, this.over, this.copy, this.asked, this.thanks,
      this.againButton = el("button", { type: "button", class: "main", onclick: () => this.again() }, say("again")));
    this.panel = el("section", { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      el("div", { class: "head" },
        el("div", { class: "heading" }, el("h2", { id: "title", dir: "auto" }, settings.title || say("title")), this.status),
        this.endButton,
        el("button", { type: "button", class: "bar", "aria-label": say("minimize"), title: say("minimize"), onclick: () => this.close() }, icon("down"))),
      this.start.element, this.log.element, this.composer.element, this.ended);
    this.badge = el("span", { class: "badge", "aria-hidden": "true", hidden: true });
    this.launcher = el("button", { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel", onclick: () => this.toggle() },
      icon("chat"), icon("close"), this.badge);
    this.root = el("div", { class: "root", lang: say.language, dir: say.direction, "data-theme": settings.theme, "data-side": settings.side,
      onkeydown: (event) => event.key === "Escape" && this.isOpen() && this.close() }, this.panel, this.launcher);
    return this.root;
  }

  isOpen() {
    return !this.panel.hidden;
  }

  toggle() {
    this.isOpen() ? this.close() : this.open();
  }

  open({ focus = true } = {}) {
    this.panel.hidden = false;
    this.shown();
    this.log.toEnd();
    if (!focus) return;
    if (!this.start.element.hidden) this.start.focus();
    else if (!this.composer.element.hidden) this.composer.focus();
    else this.againButton.focus();
  }

  close() {
    const within = this.panel.contains(this.host.shadowRoot.activeElement);
    this.panel.hidden = true;
    this.shown();
    if (within) this.launcher.focus();
  }

  shown() {
    this.root.classList.toggle("open", this.isOpen());
    this.launcher.setAttribute("aria-expanded", String(this.isOpen()));
    this.memory.keepOpen(this.isOpen());
    this.composer.typed(false);
    this.readIfSeen();
    this.update();
  }

  update() {
    const { phase } = this.conversation;
    const over = phase === "ended" || phase === "lost";
    const focused = this.host.shadowRoot.activeElement;
    this.start.element.hidden = phase !== "none" && phase !== "opening";
    this.log.element.hidden = !this.start.element.hidden;
    this.composer.element.hidden = phase !== "live";
    this.endButton.hidden = phase !== "live";
    this.ended.hidden = !over;
    if (phase !== "ended") this.forSession = null;
    else if (this.forSession !== this.conversation.ticket) this.askSurvey();
    this.over.hidden = phase !== "lost"; // that a chat was ended, and by whom, stands in the list
    label(this.status, this.statusText());
    this.log.update();
    this.readIfSeen();
    this.showUnread();
    if (over && (focused === this.endButton || this.composer.element.contains(focused))) this.againButton.focus();
  }

  statusText() {
    const { phase, connected, everConnected, people, position } = this.conversation;
    if (phase !== "live") return "";
    if (!connected) return this.say(everConnected ? "reconnecting" : "connecting");
    if (people.length) {
      const names = new Intl.ListFormat(this.say.locale).format(people.map((name) => name || this.say("team")));
      return this.say(people.length > 1 ? "hereMany" : "here", { names });
    }
    if (!position?.place) return this.say("waiting");
    const minutes = Math.ceil((position.seconds ?? 0) / 60);
    return this.say(minutes ? "placeWait" : "place", { n: position.place, minutes });
  }

  showUnread() {
    const n = this.isOpen() ? 0 : this.conversation.unread();
    this.badge.hidden = n === 0;
    label(this.badge, n > 99 ? "99+" : String(n));
    const name = this.isOpen() ? this.say("minimize") : n ? this.say("launchUnread", { n }) : this.say("launch");
    if (this.launcher.getAttribute("aria-label") !== name) this.launcher.setAttribute("aria-label", name);
  }

  // What was on the screen in a window that is looked at is read.
  readIfSeen() {
    if (this.isOpen() && this.log.atEnd && document.visibilityState === "visible") this.conversation.sayRead();
  }

  async end() {
    const { limits, ticket } = this.conversation;
    const answer = await askToEnd({
      panel: this.panel, say: this.say, choice: limits.transcript === "asked", known: ticket?.email || this.settings.known.email,
    });
    if (!answer) return;
    if (!this.conversation.end(answer.address)) {
      this.composer.complain(this.say("error_unreachable"));
      return;
    }
    this.copy.hidden = !answer.address;
    label(this.copy, answer.address ? this.say("transcriptOn", { email: answer.address }) : "");
  }

  // askSurvey asks how it was, once the session is over, if the server wants to know.
  async askSurvey() {
    const { conversation, say, explain } = this;
    const ticket = (this.forSession = conversation.ticket);
    const sheet = await conversation.survey();
    if (!sheet || this.forSession !== ticket) return;
    const { SurveyForm } = await import("./survey.js");
    const form = new SurveyForm({
      sheet, say, explain, onSend: (answers) => conversation.answerSurvey(answers),
      onDone: (thanks) => {
        conversation.surveyed();
        this.asked.replaceChildren();
        label(this.thanks, thanks);
        this.againButton.focus();
      },
    });
    this.asked.replaceChildren(form.element);
    this.log.toEnd();
  }

  again() {
    this.copy.hidden = true;
    this.asked.replaceChildren();
    label(this.thanks, "");
    this.conversation.close();
    this.start.focus();
  }
}

// explain says in words why something was refused.
function explain(say, { code, limit }) {
  const detail = /files?_too_large/.test(code) ? bytesText(limit, say.locale) : limit;
  return say(say.has(`error_${code}`) ? `error_${code}` : "error", { detail });
}

// inkOn is black or white, whichever can be read better on a colour (WCAG 2 relative luminance).
function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? "#ffffff" : "#000000";
}
