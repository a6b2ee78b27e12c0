// One thing in the list of messages: how each kind looks.
import { anchor, el, icon, label, linked, webAddress } from "./dom.js";
import { bytesText, pictures } from "./files.js";

const previewed = 2 << 20; // bytes up to which a picture is shown without being asked for

/** Item is one message, or one post that is still to be sent; the same element shows it before and after it was sent. */
export class Item {
  constructor({ message, own, say, conversation, explain, edit, focus }) {
    Object.assign(this, { message, own, say, conversation, explain, edit, focus });
    this.foot = el("div", { class: "foot" });
    this.element = notices.has(message.kind) ? this.notice() : this.speech();
  }

  // A line about the session: who came, who went.
  notice() {
    const { kind, from, text, at } = this.message;
    const name = from.name || this.say("team");
    const line = {
      joined: () => this.say("joined", { name }),
      left: () => this.say("left", { name }),
      renamed: () => this.say("renamed", { name: text }),
      ended: () => this.say(this.say.has(`over_${text}`) ? `over_${text}` : "over"),
      alert: () => text,
    }[kind]();
    return el("div", { class: `item notice${kind === "alert" ? " alert" : ""}` }, kind === "alert" && icon("bell"),
      el("span", { dir: "auto" }, kind === "alert" && el("span", { class: "unseen" }, `${this.say("alert")}: `), line), " ", this.time(at, "unseen"));
  }

  speech() {
    const { from } = this.message;
    const name = this.own ? this.say("you") : from.name || this.say("team");
    return el("div", { class: `item speech ${this.own ? "own" : from.role === "system" ? "system" : "other"}` },
      el("p", { class: "who" }, name), el("div", { class: "bubble", dir: "auto" }, ...this.body(name)), this.foot);
  }

  body(name) {
    const { kind, text, file } = this.message;
    const hint = this.say("newTab");
    if (kind === "file" && file) return this.file(file);
    const url = kind === "url" && webAddress(text);
    if (url) {
      return [el("span", { class: "caption" }, this.own ? "" : this.say("page", { name })),
        anchor(url, hint, icon("link"), el("span", {}, el("b", {}, url.host), el("span", { class: "path" }, text)))];
    }
    return linked(text ?? "", hint);
  }

  file({ name, type, size, upload }) {
    const save = el("button", { type: "button", class: "file", "aria-label": this.say("save", { name }), onclick: () => this.save(upload, name, type, save) },
      icon("file"), el("span", {}, el("b", { dir: "auto" }, name), el("span", { class: "path" }, bytesText(size, this.say.locale))));
    const whole = [save];
    if (pictures.has(type) && size <= previewed && upload) whole.unshift(this.picture(upload, name, type));
    return whole;
  }

  // A page whose policy does not allow pictures from memory shows the file without one.
  picture(upload, name, type) {
    const image = el("img", { alt: name, hidden: true, onload: () => {
      image.hidden = false;
      URL.revokeObjectURL(image.src);
    }, onerror: () => image.remove() });
    this.conversation.files?.download(upload, type).then((blob) => (image.src = URL.createObjectURL(blob)), () => image.remove());
    return image;
  }

  async save(upload, name, type, button) {
    const caption = button.querySelector(".path");
    const before = caption.textContent;
    label(caption, this.say("saving", { name }));
    try {
      const address = URL.createObjectURL(await this.conversation.files.download(upload, type));
      el("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      label(caption, before);
    } catch (refusal) {
      label(caption, this.explain(refusal));
    }
  }

  time(at, style) {
    const date = new Date(at);
    const text = new Intl.DateTimeFormat(this.say.locale, { hour: "numeric", minute: "2-digit" }).format(date);
    return el("time", { class: style, datetime: date.toISOString() }, text);
  }

  /** update shows what changes behind a message: its state, its choices, what can be done with a refused one. */
  update({ first, last, state, problem, choices }) {
    this.element.classList.toggle("first", first);
    const sign = JSON.stringify([last, state, problem, choices]);
    if (notices.has(this.message.kind) || sign === this.sign) return;
    this.sign = sign;
    const had = this.foot.contains(this.foot.getRootNode().activeElement);
    this.foot.replaceChildren();
    if (problem) this.foot.append(...this.refused(problem));
    else if (last || state === "sending" || state === "waitingToSend") {
      this.foot.append(this.time(this.message.at, "time"), state ? el("span", { class: "state" }, ` · ${this.say(state)}`) : "");
    }
    if (choices) {
      this.foot.append(el("div", { class: "choices", role: "group", "aria-label": this.say("choose") },
        ...choices.map((choice) => el("button", { type: "button", class: "choice", dir: "auto", onclick: () => this.conversation.say(choice) }, choice))));
    }
    if (had) this.focus();
  }

  refused(problem) {
    const { outbox } = this.conversation;
    const { client_id: id, text, kind } = this.message;
    const button = (name, onclick) => el("button", { type: "button", class: "small", onclick }, this.say(name));
    const drop = () => {
      outbox.drop(id);
      this.conversation.changed();
    };
    return [
      el("span", { class: "problem", role: "alert" }, `${this.say("notSent")} ${this.explain({ code: problem })}`),
      el("span", { class: "buttons" },
        problem !== "chat_ended" && button("retry", () => outbox.retry(id)),
        kind === "text" && problem !== "chat_ended" && button("edit", () => {
          drop();
          this.edit(text);
        }),
        button("remove", drop)),
    ];
  }
}

const notices = new Set(["joined", "left", "renamed", "ended", "alert"]);
