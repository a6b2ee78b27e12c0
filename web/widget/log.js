// The list of messages: a live region of which only additions are read, so elements stay where they are when their message is sent.
import { el, label } from "./dom.js";
import { Item } from "./items.js";

const nearEnd = 40; // pixels that count as having scrolled to the end

export class Log {
  constructor({ say, explain, conversation, edit, focus }) {
    Object.assign(this, { say, explain, conversation, edit, focus });
    this.items = new Map(); // key → {element, item}
    this.list = el("div", { class: "list", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": say("conversation") });
    this.typing = el("p", { class: "typing", role: "status" });
    this.scroller = el("div", { class: "log", tabindex: "0", role: "group", "aria-label": say("conversation"), onscroll: () => this.scrolled() }, this.list, this.typing);
    this.jump = el("button", { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() }, say("new"));
    this.element = el("div", { class: "talk" }, this.scroller, this.jump);
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(this.list);
    this.atEnd = true;
    this.top = 0; // where the list was when it was last looked at
  }

  /** update brings the list to what the conversation is now. */
  update() {
    const rows = this.rows();
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element }] of this.items) {
      if (keys.has(key)) continue;
      element.remove();
      this.items.delete(key);
    }
    let place = this.list.firstChild;
    let grew = false;
    for (const row of rows) {
      if (!this.items.has(row.key)) {
        this.items.set(row.key, this.make(row));
        grew = true;
      }
      const { element, item } = this.items.get(row.key);
      if (element === place) place = place.nextSibling;
      else this.list.insertBefore(element, place);
      item?.update(row);
    }
    this.showTyping();
    if (this.atEnd) this.toEnd();
    else if (grew) this.jump.hidden = false;
  }

  // What is to be seen, in order: days, messages by number, and behind them what is still to be sent.
  rows() {
    const { messages, outbox, phase, connected, seenTo } = this.conversation;
    const rows = [];
    const all = [
      ...messages.filter((m) => m.from.role !== "customer" || !hidden.has(m.kind)),
      ...outbox.posts.map((post) => ({ ...post, client_id: post.id, from: { role: "customer" } })),
    ];
    const answered = messages.findLast((m) => m.from.role === "customer" && m.kind === "text")?.number ?? 0;
    const newest = messages.findLast((m) => m.from.role === "customer" && spoken.has(m.kind));
    all.forEach((message, i) => {
      const before = all[i - 1];
      const day = new Date(message.at).toDateString();
      if (!before || new Date(before.at).toDateString() !== day) rows.push({ key: `day ${day}`, day: message.at });
      const own = message.from.role === "customer";
      const next = all[i + 1];
      const asked = message.kind === "question" && message.number > answered && phase === "live" && outbox.posts.length === 0;
      rows.push({
        key: own && message.client_id ? `own ${message.client_id}` : `number ${message.number}`,
        message, own,
        first: !before || !together(before, message),
        last: !next || !together(message, next),
        state: !message.number ? (connected ? "sending" : "waitingToSend") : message === newest ? (message.number <= seenTo ? "seen" : "sent") : "",
        problem: message.problem,
        choices: asked && message.choices?.length ? message.choices : null,
      });
    });
    return rows;
  }

  make(row) {
    if (row.day) return { element: el("div", { class: "item day" }, this.day(row.day)) };
    const item = new Item({ ...row, say: this.say, explain: this.explain, conversation: this.conversation, edit: this.edit, focus: this.focus });
    return { element: item.element, item };
  }

  day(at) {
    const date = new Date(at);
    if (date.toDateString() === new Date().toDateString()) return this.say("today");
    return new Intl.DateTimeFormat(this.say.locale, { dateStyle: "long" }).format(date);
  }

  showTyping() {
    const names = [...this.conversation.typing.keys()].map((name) => name || this.say("team"));
    label(this.typing, names.length ? this.say("typing", { name: new Intl.ListFormat(this.say.locale).format(names) }) : "");
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < nearEnd) this.atEnd = true;
    else if (scrollTop < this.top) this.atEnd = false; // the reader went up; else the list grew meanwhile
    this.top = scrollTop;
    if (this.atEnd) this.jump.hidden = true;
    this.onread?.();
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.jump.hidden = true;
  }
}

// Notices that the customer himself caused and need not be told.
const hidden = new Set(["joined", "left", "renamed"]);

const spoken = new Set(["text", "url", "file", "question"]);

// together says whether two neighbours look like one turn: the same person, within five minutes.
function together(a, b) {
  return spoken.has(a.kind) && spoken.has(b.kind) && a.from.role === b.from.role && (a.from.role === "customer" || a.from.name === b.from.name) &&
    Math.abs(new Date(b.at) - new Date(a.at)) < 5 * 60_000;
}
