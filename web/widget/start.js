// The form before a chat: who are you, and what is it about.
import { el, label } from "./dom.js";

const types = { name: "text", email: "email", subject: "text" };
const autocomplete = { name: "name", email: "email", subject: "off" };

/** StartForm asks for what the page's author chose. onStart gets {name, email, subject} and throws a Refusal where that failed. */
export class StartForm {
  constructor({ settings, say, explain, onStart }) {
    Object.assign(this, { settings, say, explain, onStart });
    this.fields = settings.ask.map((name) => this.field(name));
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.button = el("button", { class: "main", type: "submit" }, say("begin"));
    this.element = el("form", { class: "start", novalidate: true, onsubmit: (event) => this.submit(event) },
      el("h3", {}, say("hello")), el("p", { class: "soft" }, say("welcome")),
      ...this.fields.map(({ row }) => row), this.problem, this.button);
  }

  field(name) {
    const required = this.settings.require.includes(name);
    const problem = el("p", { class: "problem", id: `${name}-problem`, hidden: true });
    const input = el("input", {
      id: name, type: types[name], autocomplete: autocomplete[name], maxlength: "200", dir: "auto", "aria-required": required && "true",
      oninput: () => this.complain({ input, problem }, ""),
    });
    input.value = this.settings.known[name];
    const row = el("div", { class: "row" },
      el("label", { for: name }, this.say(name), required ? null : el("span", { class: "soft" }, ` (${this.say("optional")})`)), input, problem);
    return { name, input, problem, row, required };
  }

  // complain ties a field to its problem, or frees it.
  complain({ input, problem }, text) {
    label(problem, text);
    problem.hidden = !text;
    text ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    text ? input.setAttribute("aria-describedby", problem.id) : input.removeAttribute("aria-describedby");
  }

  async submit(event) {
    event.preventDefault();
    for (const field of this.fields) {
      const value = field.input.value.trim();
      this.complain(field, field.required && !value ? this.say("missing") : value && !field.input.checkValidity() ? this.say("badEmail") : "");
    }
    const wrong = this.fields.find(({ problem }) => !problem.hidden);
    if (wrong) {
      wrong.input.focus();
      return;
    }
    this.busy(true);
    try {
      await this.onStart({ ...this.settings.known, ...Object.fromEntries(this.fields.map(({ name, input }) => [name, input.value.trim()])) });
    } catch (refusal) {
      label(this.problem, this.explain(refusal));
      this.problem.hidden = false;
    }
    this.busy(false);
  }

  busy(busy) {
    if (busy) this.problem.hidden = true;
    this.button.setAttribute("aria-disabled", String(busy));
    label(this.button, this.say(busy ? "beginning" : "begin"));
  }

  focus() {
    (this.fields.find(({ input }) => !input.value)?.input ?? this.button).focus();
  }
}
