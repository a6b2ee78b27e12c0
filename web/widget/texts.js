// The widget's words. Each language is one file beside texts/en.js with the same keys; only the one that is spoken is loaded.

/** languages that there are; docs/chat-widget.md tells how to add one. */
export const languages = ["en", "de", "fr", "es", "ar"];

const rightToLeft = new Set(["ar"]);

const base = (tag) => tag.toLowerCase().split("-")[0];

/** speak chooses the first language of a list (BCP 47) that there is, else English, and gives say(key, values). */
export async function speak(wanted) {
  const language = wanted.map(base).find((tag) => languages.includes(tag)) ?? "en";
  const { texts } = await import(`./texts/${language}.js`);
  const say = (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  say.has = (key) => Object.hasOwn(texts, key);
  say.language = language;
  // Numbers and times as the reader's own region writes them, if he reads this language.
  say.locale = [...wanted, ...(navigator.languages ?? [])].find((tag) => tag.includes("-") && base(tag) === language) ?? language;
  say.direction = rightToLeft.has(language) ? "rtl" : "ltr";
  return say;
}
