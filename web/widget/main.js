// The widget's parts and how they are joined. What people said lives in Conversation, which knows no page; what is on the page lives in
// Panel, which asks Conversation and is told when it has changed.
import { Conversation } from "./conversation.js";
import { Memory } from "./memory.js";
import { Panel } from "./panel.js";
import { readSettings } from "./settings.js";
import { speak } from "./texts.js";

/** start puts the widget on the page of the script tag; a second tag for the same entry point changes nothing. */
export async function start(tag, base) {
  const running = (window.parley ??= { widgets: {} });
  if (running.widgets[base]) return;
  running.widgets[base] = true;

  const settings = readSettings(tag, base);
  const [say, sheet] = await Promise.all([speak(settings.languages), styles()]);
  const memory = new Memory(base, localStorageOf(), sessionStorageOf());
  const conversation = new Conversation({ base, memory, language: say.language });
  const panel = new Panel({ settings, say, sheet, memory, conversation });

  if (!document.body) await new Promise((parsed) => addEventListener("DOMContentLoaded", parsed, { once: true }));
  document.body.append(panel.host);
  running.open = () => panel.open();
  running.close = () => panel.close();
  conversation.resume();
  memory.onTicket(() => conversation.resume()); // another tab has opened a chat
  if (settings.open || memory.wasOpen()) panel.open({ focus: false });
}

// styles reads the style sheet as data and adopts it: a page whose policy allows neither inline nor foreign styles shows the widget as it is.
async function styles() {
  const answer = await fetch(new URL("widget.css", import.meta.url));
  if (!answer.ok) throw new Error(`widget.css: ${answer.status}`);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await answer.text());
  return sheet;
}

// A browser may forbid storage, and then even looking at it throws.
function localStorageOf() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function sessionStorageOf() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
