// How the widget makes its elements. Text becomes text nodes and attributes are set one by one, so nothing that anybody wrote is ever
// read as markup.

/** el makes an element. on… attributes are listeners; false, null and undefined are left out; strings among the children are text. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** label puts text where there is another one, and touches nothing where it is the same: a live region would be read again. */
export function label(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const svg = "http://www.w3.org/2000/svg";

// Outlines on a grid of 24.
const paths = {
  chat: "M4 5.5h16v11h-8.5L7 20.5v-4H4z",
  down: "M5 9l7 7 7-7",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-7-6 15-3-6.500z",
  attach: "M8 12.500l6-6a3 3 0 0 1 4.200 4.200l-7.500 7.500a5 5 0 0 1-7-7L11 4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  leave: "M14 4H5v16h9M10 12h10M16.500 8l4 4-4 4",
  bell: "M6 17v-6a6 6 0 0 1 12 0v6l1.500 1.500h-15zM10 21h4",
};

/** icon is a drawing that says nothing to a screen reader; the button around it has the name. */
export function icon(name) {
  const drawing = document.createElementNS(svg, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false", class: "icon " + name })) {
    drawing.setAttribute(key, value);
  }
  const path = document.createElementNS(svg, "path");
  path.setAttribute("d", paths[name]);
  drawing.append(path);
  return drawing;
}

/** webAddress gives an address that may be a link: http or https, nothing else. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

/** anchor is a link that leaves the page as it is and tells the other side nothing. */
export function anchor(url, hint, ...children) {
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children, el("span", { class: "unseen" }, ` (${hint})`));
}

/** linked splits a text into text and links. */
export function linked(text, hint) {
  return text.split(/(\bhttps?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/i).map((part, i) => {
    const url = i % 2 === 1 && webAddress(part);
    return url ? anchor(url, hint, part) : part;
  });
}
