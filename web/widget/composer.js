// Where the customer writes and chooses files.
import { el, icon, label } from "./dom.js";

const counted = 200; // bytes left from which on the length is told

const utf8 = new TextEncoder();

export class Composer {
  constructor({ say, explain, memory, conversation }) {
    Object.assign(this, { say, explain, memory, conversation });
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.progress = el("p", { class: "soft progress", role: "status" });
    this.input = el("textarea", {
      rows: "1", dir: "auto", "aria-label": say("message"), placeholder: say("placeholder"), enterkeyhint: "send",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event), onblur: () => conversation.sayTyping(false),
    });
    this.chooser = el("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => this.chosen() });
    this.attach = el("button", { type: "button", class: "quiet", "aria-label": say("attach"), title: say("attach"), onclick: () => this.chooser.click() }, icon("attach"));
    this.element = el("form", { class: "composer", onsubmit: (event) => this.submit(event) },
      this.problem, this.progress,
      el("div", { class: "line" }, this.attach, this.chooser, this.input,
        el("button", { type: "submit", class: "round", "aria-label": say("send"), title: say("send") }, icon("send"))));
    this.put(memory.draft());
  }

  /** put gives the customer a text to go on with. */
  put(text) {
    this.input.value = text;
    this.typed(false);
  }

  /** complain shows why something was refused; an empty text takes it away. */
  complain(text) {
    label(this.problem, text);
    this.problem.hidden = !text;
  }

  typed(told = true) {
    const text = this.input.value;
    this.memory.keepDraft(text);
    this.complain("");
    const limit = this.conversation.limits.max_text;
    const left = limit ? limit - utf8.encode(text).length : Infinity;
    if (left < 0) this.complain(this.say("tooLong", { n: -left }));
    label(this.progress, left >= 0 && left < counted ? String(left) : "");
    if (told) this.conversation.sayTyping(text.trim() !== "");
    this.input.style.height = "auto";
    if (this.input.scrollHeight) this.input.style.height = `${this.input.scrollHeight + 2}px`;
    return left >= 0;
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit(event);
  }

  submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text || !this.typed()) return;
    this.put("");
    this.conversation.say(text);
    this.input.focus();
  }

  async chosen() {
    const [file] = this.chooser.files;
    this.chooser.value = "";
    if (!file) return;
    this.complain("");
    label(this.progress, this.say("uploading", { name: file.name }));
    this.attach.disabled = true;
    try {
      await this.conversation.sendFile(file);
    } catch (refusal) {
      this.complain(this.explain(refusal));
    }
    label(this.progress, "");
    this.attach.disabled = false;
  }

  focus() {
    this.input.focus();
  }
}
