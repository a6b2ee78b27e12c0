// Opens numbered pages below an address and tells as JSON what they did: scripts that ran, requests beside the page itself, pages that went elsewhere.
// A picture of the mail itself (cid:) is no request: nothing leaves for it.
import { launch } from "./harness.mjs";

const [address, count] = [process.argv[2], Number(process.argv[3])];
const found = { Pages: 0, Ran: 0, Asked: 0, Left: 0 };
const browser = await launch();
const context = await browser.newContext();
await context.exposeFunction("parleyRan", () => { found.Ran++; });
await context.addInitScript(() => {
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => window.parleyRan();
});
const page = await context.newPage();
page.on("request", (request) => {
  const url = request.url();
  const itself = url.startsWith(address) && /^\d+$/.test(url.slice(address.length));
  if (!itself && !url.startsWith("cid:") && !url.startsWith("data:") && !url.endsWith("/favicon.ico")) found.Asked++;
});
page.on("dialog", (dialog) => { found.Ran++; void dialog.dismiss(); });
await context.route((url) => !String(url).startsWith(address), (route) => route.abort());
for (let n = 0; n < count; n++) {
  await page.goto(address + n, { waitUntil: "load" });
  // What is not loaded for want of sight is loaded now; clicks and pointers find handlers if there are any.
  await page.evaluate(async () => {
    for (const element of document.querySelectorAll("*")) {
      if (element.closest("a[href]")) continue;
      for (const kind of ["click", "mouseover", "focus", "toggle", "input", "animationstart"]) element.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    window.scrollTo(0, document.body.scrollHeight);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
  if (page.url() !== address + n) found.Left++;
  found.Pages++;
}
await browser.close();
console.log(JSON.stringify(found));
