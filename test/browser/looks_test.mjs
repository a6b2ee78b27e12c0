// How the widget looks and reads, in light and dark, on a phone, in another direction: every screen goes through axe (WCAG 2.2 A and AA, which
// includes the contrast of every text). With PARLEY_BROWSER_PICTURES=DIR there is a picture of each.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { begin, connected, launch, picture, say, shows, visit } from "./harness.mjs";
import { Scripted, survey } from "./scripted.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const looks = [
  { name: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "phone-dark", ...phone, colorScheme: "dark" },
  { name: "arabic", language: "ar" },
];

for (const { name, language = "en", ...options } of looks) {
  test(`every screen, ${name}`, async () => {
    const server = new Scripted();
    const page = await visit(browser, `/demo/chat?language=${language}`, { prepare: (fresh) => server.attach(fresh), reducedMotion: "reduce", ...options });
    const look = async (screen) => {
      await picture(page, `${name}-${screen}`);
      const found = await page.evaluate(async (source) => {
        globalThis.axe ?? new Function(source)();
        const { violations, passes } = await globalThis.axe.run({ include: [[".parley-chat"]] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] });
        return { passes: passes.length, violations: violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`) };
      }, axe);
      assert.deepEqual(found.violations, [], screen);
      assert.ok(found.passes > 10, `axe has looked at little on ${screen}: ${found.passes}`);
    };
    await page.locator(".launcher").click();
    await page.locator("#email").fill("nobody");
    await page.locator(".start button").click();
    await look("start");
    await page.locator("#email").fill("");
    await page.locator("#name").fill("Cleo");
    await page.locator(".start button").click();
    await connected(page);
    server.say({ from: { role: "system" }, text: "Hello Cleo, thank you for writing to us." });
    server.say({ from: { role: "system" }, kind: "question", text: "What is it about?", choices: ["An order", "Sending something back", "Something else"] });
    server.tell({ type: "position", place: 2, wait_seconds: 150 });
    await page.locator(".choice").first().waitFor();
    await look("question");
    await page.locator(".choice").last().click();
    await shows(page, "Something else");
    server.say({ kind: "joined" });
    server.say({ text: "Hello Cleo, this is Ann. How can I help?" });
    await say(page, "The kettle drips from the base since yesterday.\nIt is order 4711.");
    await shows(page, "4711");
    server.say({ text: "I am sorry about that! A new seal helps in nine of ten cases:" });
    server.say({ kind: "url", text: "https://shop.example/parts/seal-2200?from=chat" });
    server.say({ kind: "file", file: { name: "How to change the seal.pdf", type: "application/pdf", size: 245_760, upload: "f1" } });
    server.say({ kind: "alert", from: { role: "system" }, text: "Are you still there? We close the chat soon if nobody writes." });
    await shows(page, "still there");
    server.tell({ type: "typing", from: { role: "agent", name: "Ann" }, on: true });
    await page.locator(".typing", { hasText: "Ann" }).waitFor();
    await look("talk");
    await page.locator(".head .bar").first().click();
    await page.locator("#copy").check();
    await look("finish");
    await page.locator(".second").click();
    server.survey = survey;
    server.say({ kind: "ended", text: "inactive", from: { role: "system" } });
    await page.locator(".survey").waitFor();
    assert.equal(await page.locator(".typing").textContent(), "", "nobody is writing any more");
    await page.locator(".survey .main").click();
    await page.locator("#q0-problem").waitFor();
    await look("survey");
    await page.locator(".scores input").nth(3).check();
    await look("survey-answered");
    await page.locator(".survey .main").click();
    await page.locator(".survey").waitFor({ state: "detached" });
    await look("ended");
  });
}

test("a colour of the page's own gets ink that can be read on it", async () => {
  for (const [color, ink] of [["#ffd400", "rgb(0, 0, 0)"], ["#5b2a86", "rgb(255, 255, 255)"]]) {
    const server = new Scripted();
    const page = await visit(browser, "/demo/chat", { tag: `data-color="${color}"`, prepare: (fresh) => server.attach(fresh) });
    await begin(page);
    assert.equal(await page.locator(".head").evaluate((head) => getComputedStyle(head).color), ink);
    await picture(page, `color-${color.slice(1)}`);
  }
});
