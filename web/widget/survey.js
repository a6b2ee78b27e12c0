// How it was: what the customer is asked when a chat is over. The module is loaded when there is something to ask.
import { el, label } from "./dom.js";

/** SurveyForm asks a sheet of the server's. onSend gets {answers, never} and throws a Refusal where that failed; onDone is called when nothing is left to ask. */
export class SurveyForm {
  constructor({ sheet, say, explain, onSend, onDone }) {
    Object.assign(this, { sheet, say, explain, onSend, onDone });
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.never = el("input", { type: "checkbox", id: "never" });
    this.fields = sheet.questions.map((question, n) => this.field(question, n));
    this.element = el("form", { class: "survey", novalidate: true, "aria-labelledby": "survey-title", onsubmit: (event) => this.submit(event) },
      el("h3", { id: "survey-title" }, say("survey")), sheet.intro && el("p", { class: "soft", dir: "auto" }, sheet.intro),
      ...this.fields.map(({ row }) => row),
      el("label", { class: "check", for: "never" }, this.never, say("surveyNever")), this.problem,
      el("div", { class: "buttons" },
        el("button", { type: "button", class: "second", onclick: () => this.refuse() }, say("surveyNo")),
        this.button = el("button", { type: "submit", class: "main" }, say("send"))));
  }

  field(question, n) {
    const { key, kind, text, required } = question;
    const id = `q${n}`;
    const problem = el("p", { class: "problem", id: `${id}-problem`, hidden: true }, this.say("missing"));
    const words = [el("span", { dir: "auto" }, text), required ? null : el("span", { class: "soft" }, ` (${this.say("optional")})`)];
    if (kind === "text") {
      const input = el("textarea", { id, rows: "2", maxlength: "2000", dir: "auto", "aria-describedby": problem.id, oninput: () => (problem.hidden = true) });
      return { key, required, problem, input, value: () => input.value.trim(), row: el("div", { class: "row" }, el("label", { for: id }, ...words), input, problem) };
    }
    const values = kind === "score" ? Array.from({ length: question.most - question.least + 1 }, (_, i) => String(question.least + i)) : question.choices;
    const inputs = values.map((value) => el("input", { type: "radio", name: id, value, "aria-describedby": problem.id }));
    const row = el("fieldset", { class: "row", onchange: () => (problem.hidden = true) }, el("legend", {}, ...words),
      el("div", { class: kind === "score" ? "scores" : "row" }, ...inputs.map((input) => el("label", {}, input, el("span", { dir: "auto" }, input.value)))), problem);
    return { key, required, problem, row, input: inputs[0], value: () => inputs.find(({ checked }) => checked)?.value ?? "" };
  }

  async submit(event) {
    event.preventDefault();
    if (this.button.getAttribute("aria-disabled") === "true") return;
    for (const { required, value, problem } of this.fields) problem.hidden = !required || value() !== "";
    const wrong = this.fields.find(({ problem }) => !problem.hidden);
    if (wrong) wrong.input.focus();
    else await this.send(Object.fromEntries(this.fields.map(({ key, value }) => [key, value()]).filter(([, value]) => value)));
  }

  // refuse closes the form; "never again" counts all the same.
  async refuse() {
    if (this.never.checked) await this.send({});
    else this.onDone("");
  }

  async send(answers) {
    this.button.setAttribute("aria-disabled", "true");
    this.problem.hidden = true;
    try {
      await this.onSend({ answers, never: this.never.checked });
      this.onDone(Object.keys(answers).length ? this.sheet.thanks || this.say("surveyThanks") : "");
    } catch (refusal) {
      if (refusal.code === "answered") {
        this.onDone(this.sheet.thanks || this.say("surveyThanks"));
        return;
      }
      label(this.problem, this.explain(refusal));
      this.problem.hidden = false;
      this.button.setAttribute("aria-disabled", "false");
    }
  }
}
