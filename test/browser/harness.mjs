// What the browser tests share: a Chromium, pages that tell of everything a policy has refused, and ways to look into the widget.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

/** address of the server under test, and where pictures go if they are wanted. */
export const base = process.env.PARLEY_BROWSER_BASE;
const pictures = process.env.PARLEY_BROWSER_PICTURES;

export const launch = () => chromium.launch({
  executablePath: process.env.PARLEY_CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

/**
 * visit opens a page in a browser profile of its own; what its console complains of is in page.complaints.
 * tag is added to the widget's script.
 */
export async function visit(browser, path, { prepare, tag, from = base, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  await prepare?.(page);
  if (tag) {
    await page.route("**/demo/chat", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace("async>", () => `async ${tag}>`) });
    });
  }
  await page.goto(from + path);
  await page.locator(".launcher").waitFor();
  return page;
}

/** picture keeps what the page looks like, if that is wanted. */
export async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}/${name}.png`, animations: "disabled" });
}

/** until waits for a condition of the test's own side. */
export async function until(what, holds, limit = 15_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await holds();
    if (value) return value;
    assert.ok(Date.now() < end, `waited ${limit} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** begin opens the window and starts a chat. */
export async function begin(page, { name = "Cleo", email = "" } = {}) {
  await page.locator(".launcher").click();
  await page.locator("#name").fill(name);
  if (email) await page.locator("#email").fill(email);
  await page.locator(".start button").click();
  await connected(page);
}

/** connected waits until the server has welcomed the page. */
export async function connected(page) {
  await page.locator("textarea").waitFor();
  await page.locator(".status", { hasText: /Connecting|Trying|Verbindung|الاتصال/ }).waitFor({ state: "hidden" });
}

/** say writes a message and sends it with Enter. */
export async function say(page, text) {
  await page.locator("textarea").fill(text);
  await page.locator("textarea").press("Enter");
}

/** bubbles gives what the list shows, in order: text of messages with who said it. */
export const bubbles = (page) => page.locator(".speech").evaluateAll((all) => all.map((item) => ({
  own: item.classList.contains("own"),
  text: item.querySelector(".bubble").textContent,
})));

/** shows waits until a text stands in the list. */
export const shows = (page, text) => page.locator(".list").getByText(text, { exact: false }).first().waitFor();
