// One customer's conversation: what was said, what is still to be sent, who is there. It knows no page. "change" is dispatched whenever
// something that can be seen is different.
import { Files } from "./files.js";
import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { Refusal, refusalOf } from "./refusal.js";

const typingShown = 6_000; // milliseconds that a typing notice counts
const typingEvery = 3_000; // how often ours is repeated

/** newID is a random UUID, also on pages without a secure context. */
export function newID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Conversation extends EventTarget {
  constructor({ base, memory, language }) {
    super();
    Object.assign(this, { base, memory, language });
    this.reset();
  }

  reset() {
    this.phase = "none"; // none, opening, live, ended; lost when the server knows the session no more
    this.connected = false;
    this.everConnected = false;
    this.messages = []; // by number
    this.byNumber = new Map();
    this.heardTo = 0; // up to here the server has told everything; an acknowledgement may be ahead of that
    this.people = []; // names of the agents who are here
    this.typing = new Map(); // name → timer
    this.seenTo = 0; // how far the others have read
    this.readTo = 0; // how far we have
    this.position = null; // {place, wait_seconds} while waiting
    this.limits = {};
    this.endedBy = "";
    this.ticket = null;
    this.outbox = new Outbox({ memory: this.memory, send: (frame) => this.link?.send(frame) ?? false, changed: () => this.changed() });
    this.files = null;
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** resume goes on with the session that is remembered, if there is one and none is open here. */
  resume() {
    const ticket = this.memory.ticket();
    if (!ticket || this.phase !== "none") return;
    this.readTo = ticket.read ?? 0;
    this.outbox.restore();
    this.begin(ticket);
  }

  /** open opens a session, and throws a Refusal where that is refused; asked again it never opens a second one. */
  async open({ name, email, subject, proof, data }) {
    this.phase = "opening";
    this.changed();
    try {
      const answer = await fetch(new URL("sessions", this.base), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          key: this.memory.openingKey(newID),
          nickname: name,
          subject,
          language: this.language,
          page: location.href.slice(0, 2000),
          identities: email ? [{ kind: "email", value: email, proof: proof || undefined }] : [],
          data,
        }),
      }).catch(() => {
        throw new Refusal("unreachable");
      });
      if (!answer.ok) throw await refusalOf(answer);
      const { session, token } = await answer.json();
      const ticket = { session, token, read: 0, email };
      this.memory.opened(ticket);
      this.begin(ticket);
    } catch (refusal) {
      this.phase = "none";
      this.changed();
      throw refusal;
    }
  }

  begin(ticket) {
    this.ticket = ticket;
    this.phase = "live";
    this.files = new Files(this.base, ticket);
    this.link = new Link({
      base: this.base,
      ticket,
      since: () => this.heardTo,
      polling: this.memory.polling(),
      on: {
        frame: (frame) => this.hear(frame),
        up: (polling) => this.up(polling),
        down: () => this.down(),
        gone: () => this.gone(),
      },
    });
    this.link.start();
    this.changed();
  }

  up(polling) {
    this.memory.keepPolling(polling);
    this.connected = this.everConnected = true;
    this.outbox.resend();
    this.changed();
  }

  down() {
    this.connected = false;
    this.outbox.pause();
    this.nobodyTypes();
    this.changed();
  }

  nobodyTypes() {
    for (const timer of this.typing.values()) clearTimeout(timer);
    this.typing.clear();
  }

  // gone leaves on the screen what was there. Where nothing was, such as a chat of last month, a new one can begin at once.
  gone() {
    if (!this.everConnected && this.outbox.posts.length === 0) {
      this.close();
      return;
    }
    this.connected = false;
    this.memory.forget();
    this.phase = "lost";
    this.outbox.refuseAll("chat_ended");
    this.changed();
  }

  /** hear takes one frame of the server. What it does not know it passes over: a newer server may say more. */
  hear(frame) {
    switch (frame.type) {
      case "welcome":
        this.limits = frame.limits ?? {};
        this.meetAll(frame.parties ?? []);
        break;
      case "message":
        this.take(frame.message);
        this.heardTo = Math.max(this.heardTo, frame.message?.number ?? 0);
        break;
      case "ack":
        this.take(this.outbox.acknowledged(frame));
        break;
      case "typing":
        this.hearTyping(frame.from?.name ?? "", frame.on);
        break;
      case "read":
        if (frame.from?.role !== "customer") this.seenTo = Math.max(this.seenTo, frame.number);
        else this.noteRead(frame.number); // our other tab
        break;
      case "position":
        this.position = { place: frame.place, seconds: frame.wait_seconds };
        break;
      case "error":
        this.hearError(frame);
        break;
    }
    this.changed();
  }

  take(message) {
    if (!message || message.internal || this.byNumber.has(message.number)) return;
    this.byNumber.set(message.number, message);
    const after = this.messages.findLastIndex((other) => other.number < message.number);
    this.messages.splice(after + 1, 0, message);
    if (message.client_id) this.outbox.drop(message.client_id);
    const { from, kind } = message;
    if (from.role === "customer") this.noteRead(message.number);
    else this.hearTyping(from.name ?? "", false);
    if (staff.has(from.role)) this.meet(from.name ?? "", kind);
    if (kind === "ended") this.over(message.text);
  }

  // meetAll takes who is here, and how far they have read, from the welcome.
  meetAll(parties) {
    const others = parties.filter(({ role }) => staff.has(role));
    this.people = others.map(({ name }) => name ?? "");
    for (const { read } of others) this.seenTo = Math.max(this.seenTo, read ?? 0);
  }

  // meet keeps the names of who is here. Who is renamed has his new name already: of several people the next welcome tells who it was.
  meet(name, kind) {
    const others = this.people.filter((known) => known !== name);
    if (kind === "left") this.people = others;
    else if (kind === "renamed" && this.people.length === 1) this.people = [name];
    else if (kind === "joined") this.people = [...others, name];
    if (this.people.length > 0) this.position = null;
  }

  over(by) {
    this.phase = "ended";
    this.link?.stop();
    this.endedBy = by;
    this.people = [];
    this.position = null;
    this.nobodyTypes();
    this.outbox.refuseAll("chat_ended");
  }

  hearTyping(name, on) {
    clearTimeout(this.typing.get(name));
    if (!on) {
      this.typing.delete(name);
      return;
    }
    this.typing.set(name, setTimeout(() => {
      this.typing.delete(name);
      this.changed();
    }, typingShown));
  }

  hearError({ client_id: id, code, limit, retry_after: seconds }) {
    if (id) this.outbox.refused(id, code, seconds ?? (passing.has(code) ? 2 : 0));
    else this.dispatchEvent(new CustomEvent("refused", { detail: new Refusal(code, { limit, seconds }) }));
  }

  /** say sends a text, now or when the link is up again. */
  say(text) {
    this.sayTyping(false);
    this.outbox.add({ id: newID(), kind: "text", text });
  }

  /** sayTyping tells that we are writing; the server is told at most every few seconds. */
  sayTyping(on) {
    const now = Date.now();
    if (on ? now - (this.toldTyping ?? 0) < typingEvery : !this.toldTyping) return;
    this.toldTyping = on ? now : 0;
    this.link?.send({ type: "typing", on });
  }

  /** sayRead tells that everything here was seen. */
  sayRead() {
    const newest = this.messages.at(-1)?.number ?? 0;
    if (newest <= this.readTo) return;
    this.noteRead(newest);
    this.link?.send({ type: "read", number: newest });
    this.changed();
  }

  noteRead(number) {
    if (number <= this.readTo) return;
    this.readTo = number;
    if (this.ticket && this.memory.ticket()?.session === this.ticket.session) {
      this.memory.keepTicket({ ...this.ticket, read: number });
    }
  }

  /** unread counts what others said since we last looked. */
  unread() {
    return this.messages.filter((m) => m.number > this.readTo && m.from.role !== "customer" && said.has(m.kind)).length;
  }

  /** sendFile uploads a file and sends it; it throws a Refusal, before uploading where the limits say no. */
  async sendFile(file) {
    const mine = this.messages.filter((m) => m.kind === "file" && m.from.role === "customer");
    this.files.check(file, mine.map((m) => m.file.size), this.limits);
    const upload = await this.files.upload(file);
    this.outbox.add({ id: newID(), kind: "file", file: upload });
  }

  /** end ends the session; where an address is given, the transcript is mailed to it. */
  end(address) {
    if (address !== undefined) this.askTranscript(address);
    return this.link?.send({ type: "end" }) ?? false;
  }

  askTranscript(address) {
    return this.link?.send({ type: "transcript", email: address }) ?? false;
  }

  /** survey gives what is asked when the session is over; null: nothing, or no more. */
  async survey() {
    const { ticket } = this;
    if (!ticket || ticket.surveyed) return null;
    const answer = await this.ask("GET").catch(() => null);
    const { survey } = answer?.ok ? await answer.json() : {};
    return ticket === this.ticket && survey && !survey.answered ? survey : null;
  }

  /** answerSurvey sends {answers, never}, and throws a Refusal where that is refused. */
  async answerSurvey(body) {
    const answer = await this.ask("POST", JSON.stringify(body)).catch(() => {
      throw new Refusal("unreachable");
    });
    if (!answer.ok) throw await refusalOf(answer);
  }

  ask(method, body) {
    const { session, token } = this.ticket;
    return fetch(new URL(`sessions/${session}/survey`, this.base), { method, body, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" } });
  }

  /** surveyed remembers that nothing is to be asked again. */
  surveyed() {
    if (!this.ticket) return;
    this.ticket.surveyed = true;
    this.memory.keepTicket(this.ticket);
  }

  /** close leaves a session that is over behind, so that the next one can be opened. */
  close() {
    this.link?.stop();
    this.memory.forget();
    this.reset();
    this.changed();
  }
}

// Codes of what will be over in a moment.
const passing = new Set(["database_away", "restarting"]);

const staff = new Set(["agent", "supervisor"]);

// Kinds that somebody said, unlike notices of who came and went.
const said = new Set(["text", "url", "file", "question", "alert"]);
