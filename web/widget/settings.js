// What the page's author may set, as attributes of the script tag. docs/chat-widget.md describes them.

const fields = ["name", "email", "subject"];

/** readSettings reads the tag's data-… attributes; what is wrong or missing has its default. */
export function readSettings(tag, base) {
  const { dataset } = tag;
  const data = {};
  for (const [key, value] of Object.entries(dataset)) {
    if (key.startsWith("with") && key.length > 4) data[key[4].toLowerCase() + key.slice(5)] = value;
  }
  return {
    base,
    languages: [dataset.language, document.documentElement.lang, ...(navigator.languages ?? [])].filter(Boolean),
    title: dataset.title ?? "",
    color: /^#[0-9a-f]{6}$/i.test(dataset.color ?? "") ? dataset.color : "",
    theme: oneOf(dataset.theme, ["auto", "light", "dark"]),
    side: oneOf(dataset.side, ["end", "start"]),
    ask: words(dataset.ask ?? "name email").filter((field) => fields.includes(field)),
    require: words(dataset.require ?? "").filter((field) => fields.includes(field)),
    known: { name: dataset.name ?? "", email: dataset.email ?? "", subject: dataset.subject ?? "", proof: dataset.proof ?? "" },
    data,
    open: dataset.open !== undefined,
  };
}

function oneOf(value, allowed) {
  return allowed.includes(value) ? value : allowed[0];
}

function words(list) {
  return list.split(/[\s,]+/).filter(Boolean);
}
