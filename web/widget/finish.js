// The question before a chat is ended, with the choice of a transcript where the server leaves that to the customer.
import { el } from "./dom.js";

/** askToEnd asks inside a panel; it resolves to null for "go on", else to {address}: undefined where nothing was chosen or to be chosen. */
export function askToEnd({ panel, say, choice, known }) {
  return new Promise((resolve) => {
    const before = panel.getRootNode().activeElement;
    const behind = [...panel.children];
    const done = (result) => {
      cover.remove();
      for (const element of behind) element.inert = false;
      before?.focus();
      resolve(result);
    };
    const problem = el("p", { class: "problem", id: "copy-problem", role: "alert", hidden: true }, say("badEmail"));
    const copy = el("input", { type: "checkbox", id: "copy", onchange: () => (row.hidden = !copy.checked) });
    const address = el("input", { type: "email", id: "copy-to", "aria-label": say("email"), placeholder: say("email"), autocomplete: "email", maxlength: "200", required: true, "aria-describedby": "copy-problem" });
    address.value = known;
    const row = el("div", { class: "row", hidden: true }, address, problem);
    const submit = (event) => {
      event.preventDefault();
      problem.hidden = !copy.checked || address.checkValidity();
      problem.hidden ? done({ address: copy.checked ? address.value.trim() : undefined }) : address.focus();
    };
    const form = el("form", { class: "ask", novalidate: true, onsubmit: submit },
      el("h3", { id: "ask-title" }, say("endTitle")), el("p", { id: "ask-text", class: "soft" }, say("endText")),
      choice && el("label", { class: "check", for: "copy" }, copy, say("transcript")), choice && row,
      el("div", { class: "buttons" },
        el("button", { type: "button", class: "second", onclick: () => done(null) }, say("endNo")),
        el("button", { type: "submit", class: "main" }, say("endYes"))));
    const cover = el("div", {
      class: "cover", role: "dialog", "aria-modal": "true", "aria-labelledby": "ask-title", "aria-describedby": "ask-text",
      onkeydown: (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        done(null);
      },
    }, form);
    for (const element of behind) element.inert = true;
    panel.append(cover);
    form.querySelector("button").focus();
  });
}
