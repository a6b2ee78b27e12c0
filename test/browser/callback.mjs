// A customer books a call on the page, in his browser's zone, chooses another time by his link, and cancels: also without scripts. Every screen goes through
// axe (WCAG 2.2 A and AA). Run by ../callback_path_test.go.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { base, launch, picture } from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

// open is the form in a browser of its own; what the console complains of is in page.complaints.
async function open(options) {
  const context = await browser.newContext({ viewport: { width: 420, height: 900 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("(Not Found)") && page.complaints.push(message.text()));
  await page.goto(`${base}/in/call/`);
  return page;
}

async function looked(page, screen) {
  await picture(page, `callback-${screen}`);
  await page.evaluate(axe); // as the browser's debugger does: the page's policy lets no script in
  const found = await page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] });
    return { violations: violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`), passes: passes.length };
  });
  assert.deepEqual(found.violations, [], screen);
  assert.ok(found.passes > 5, `axe has looked at little on ${screen}: ${found.passes}`);
}

async function book(page, phone) {
  await page.getByLabel("Your phone number").fill(phone);
  await page.getByLabel("What it is about").fill("Kettle");
  await page.getByLabel("At this time:").check();
  await page.locator("button[name=day]").nth(2).click();
  assert.equal(await page.getByLabel("Your phone number").inputValue(), phone, "what was written stays");
  await page.locator(".times label").nth(1).click();
  const time = await page.locator(".times input:checked + span").innerText();
  await page.getByRole("button", { name: "Call me back" }).last().click();
  await page.waitForURL(/\/callback\//);
  return time;
}

async function cancel(page) {
  await page.locator("summary", { hasText: "Cancel the call" }).click();
  await page.getByRole("button", { name: "Cancel the call" }).click();
  await page.getByRole("heading", { name: "The call is cancelled" }).waitFor();
}

test("a call is booked in the browser's zone, moved and cancelled", async () => {
  const page = await open({ timezoneId: "America/New_York" });
  await page.waitForURL(/zone=America/);
  await looked(page, "form");
  const time = await book(page, "030 901820");
  await page.getByText(`, ${time}`).waitFor();
  await page.getByText("America/New_York").first().waitFor();
  await looked(page, "booked");

  await page.locator("summary", { hasText: "Choose another time" }).click();
  await page.locator("button[name=day]").nth(3).click();
  await page.locator(".times label").nth(2).click();
  const later = await page.locator(".times input:checked + span").innerText();
  await page.getByRole("button", { name: "Choose another time" }).last().click();
  await page.locator("dd", { hasText: `, ${later}` }).waitFor();
  await cancel(page);
  await looked(page, "cancelled");
  assert.deepEqual(page.complaints, []);
});

test("without scripts it goes the same way", async () => {
  const page = await open({ javaScriptEnabled: false });
  await book(page, "030 901821");
  await cancel(page);
});

test("what is wrong is said at its place", async () => {
  const page = await open({ timezoneId: "Europe/Berlin", colorScheme: "dark" });
  await page.getByLabel("Your phone number").fill("12");
  await page.getByRole("button", { name: "Call me back" }).last().click();
  await page.getByRole("alert").getByText("no phone number").waitFor();
  assert.equal(await page.getByLabel("Your phone number").getAttribute("aria-invalid"), "true");
  await looked(page, "wrong");
});
