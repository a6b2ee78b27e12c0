// The widget, in a real browser, against a scripted server: everything that a customer sees and does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { begin, bubbles, launch, picture, say, shows, until, visit } from "./harness.mjs";
import { Scripted, survey } from "./scripted.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

// scene is a page with a scripted server behind it.
async function scene({ path = "/demo/chat", started = true, ...options } = {}, server = new Scripted()) {
  const page = await visit(browser, path, { prepare: (fresh) => server.attach(fresh), ...options });
  if (started) await begin(page);
  return { page, server };
}

test("a chat from greeting to end", async () => {
  const { page, server } = await scene();
  assert.equal(server.opened.length, 1);
  assert.equal(server.opened[0].nickname, "Cleo");
  assert.equal(server.opened[0].language, "en");
  server.say({ from: { role: "system" }, text: "Hello Cleo, what can we do for you?" });
  await shows(page, "what can we do for you");
  server.tell({ type: "position", place: 2, wait_seconds: 150 });
  await page.getByText("Number 2 in the queue, about 3 min").waitFor();
  server.say({ kind: "joined" });
  await page.getByText("Ann is here").waitFor();
  await say(page, "The kettle leaks");
  await page.locator(".state", { hasText: "Sent" }).waitFor();
  server.tell({ type: "read", from: { role: "agent", name: "Ann" }, number: server.messages.length });
  await page.locator(".state", { hasText: "Seen" }).waitFor();
  server.tell({ type: "typing", from: { role: "agent", name: "Ann" }, on: true });
  await page.getByText("Ann is writing…").waitFor();
  server.say({ text: "Where does it drip?" });
  await shows(page, "Where does it drip?");
  assert.equal(await page.locator(".typing").textContent(), "");
  await until("the agent to know that it was read", () => server.said("read").some((f) => f.number === server.messages.length));
  assert.deepEqual((await bubbles(page)).map((b) => b.text), ["Hello Cleo, what can we do for you?", "The kettle leaks", "Where does it drip?"]);
  await page.getByRole("button", { name: "End chat" }).click();
  await page.getByRole("button", { name: "End chat" }).last().click();
  await page.getByText("You ended the chat.").waitFor();
  assert.equal(server.said("transcript").length, 0);
  await page.getByRole("button", { name: "Start a new chat" }).click();
  await page.locator("#name").waitFor();
  assert.deepEqual(page.complaints, []);
});

test("choices are buttons until the question is answered", async () => {
  const { page, server } = await scene();
  server.say({ kind: "question", from: { role: "system" }, text: "What is it about?", choices: ["An order", "<b>Other</b>"] });
  const choices = page.getByRole("group", { name: "Answers to choose from" });
  assert.deepEqual(await choices.getByRole("button").allTextContents(), ["An order", "<b>Other</b>"]);
  await choices.getByRole("button", { name: "Other" }).click();
  await until("the answer", () => server.messages.some((m) => m.text === "<b>Other</b>"));
  await choices.waitFor({ state: "detached" });
  assert.equal(await page.locator("textarea").evaluate((area) => area.getRootNode().activeElement === area), true, "the focus went to the text");
});

test("what is unread is counted while the window is closed, and read when it opens", async () => {
  const { page, server } = await scene();
  await page.keyboard.press("Escape");
  server.say({ text: "One" });
  server.say({ text: "Two" });
  server.say({ kind: "joined" });
  await page.getByRole("button", { name: "Open chat, 2 unread" }).waitFor();
  assert.equal(server.said("read").length, 0);
  await page.locator(".launcher").click();
  await until("the notice of reading", () => server.said("read").some((f) => f.number === 3));
  await page.goto(page.url());
  await page.locator(".launcher").waitFor();
  await shows(page, "Two");
  assert.equal(await page.locator(".badge").isVisible(), false);
});

test("the list stays at its end until the reader goes up", async () => {
  const { page, server } = await scene();
  const log = page.locator(".log");
  const below = () => log.evaluate((at) => at.scrollHeight - at.scrollTop - at.clientHeight);
  for (let n = 1; n <= 40; n++) server.say({ text: `message ${n}\nof two lines` });
  await shows(page, "message 40");
  await until("the end to be seen", async () => (await below()) < 5);
  await until("all to be read", () => server.said("read").at(-1)?.number === 40);
  assert.equal(await page.locator(".jump").isVisible(), false);
  await log.evaluate((at) => (at.scrollTop = 100));
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))); // the scroll was told of
  server.say({ text: "one more" });
  await page.getByRole("button", { name: "New messages" }).waitFor();
  assert.ok(await below() > 100, "he reads on undisturbed");
  assert.equal(server.said("read").at(-1).number, 40);
  await page.getByRole("button", { name: "New messages" }).click();
  await until("it to be read", () => server.said("read").at(-1).number === 41);
  assert.equal(await page.locator(".jump").isVisible(), false);
});

test("everything that somebody wrote is shown as text", async () => {
  const evil = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>"'&lt;`;
  const { page, server } = await scene();
  server.say({ kind: "joined", from: { role: "agent", name: evil } });
  server.say({ from: { role: "agent", name: evil }, text: evil });
  server.say({ kind: "renamed", from: { role: "agent", name: evil }, text: evil });
  server.say({ kind: "file", file: { name: evil, type: "text/html", size: 10, upload: "f1" } });
  server.say({ kind: "alert", from: { role: "system" }, text: evil });
  server.say({ kind: "question", from: { role: "system" }, text: evil, choices: [evil] });
  for (const address of ["javascript:window.hit=1", "data:text/html,<script>window.hit=1</script>", " javascript:window.hit=1", "vbscript:x", "//evil.example", evil]) {
    server.say({ kind: "url", text: address });
    server.say({ text: `look: ${address}` });
  }
  server.tell({ type: "typing", from: { role: "agent", name: evil }, on: true });
  await page.locator(".typing", { hasText: "onerror" }).waitFor();
  await page.locator(".choice").click();
  await until("the choice to be sent as it is", () => server.said("text").some((f) => f.text === evil));
  await say(page, evil);
  await until("our own text to be sent as it is", () => server.said("text").length === 2);
  const texts = (await bubbles(page)).map((b) => b.text);
  assert.equal(texts.filter((text) => text === evil).length >= 4, true, JSON.stringify(texts));
  const links = await page.locator(".panel a").evaluateAll((all) => all.map((a) => a.protocol));
  assert.deepEqual(links, [], "none of these is a link");
  assert.equal(await page.locator(".panel :is(img, script, iframe)").count(), 0);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(page.complaints, []);
});

test("web addresses are links that take nothing along", async () => {
  const { page, server } = await scene();
  server.say({ text: "See https://shop.example/a?b=c&d=1, or http://x.example." });
  server.say({ kind: "url", text: "https://shop.example/page" });
  await page.locator(".bubble a b").waitFor();
  const links = await page.locator(".panel a").evaluateAll((all) => all.map((a) => [a.href, a.target, a.rel]));
  const rest = ["_blank", "noopener noreferrer nofollow"];
  assert.deepEqual(links, [["https://shop.example/a?b=c&d=1", ...rest], ["http://x.example/", ...rest], ["https://shop.example/page", ...rest]]);
});

test("keyboard alone", async () => {
  const { page, server } = await scene({ started: false });
  const focused = () => page.evaluate(() => {
    const at = document.querySelector(".parley-chat").shadowRoot.activeElement;
    return at && { name: at.getAttribute("aria-label") || at.id || at.textContent, ring: getComputedStyle(at).outlineStyle !== "none" };
  });
  const tabTo = async (name) => {
    for (let i = 0; i < 30; i++) {
      const at = await focused();
      if (at?.name === name) return assert.ok(at.ring, `${name} shows that it has the focus`);
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab never came to ${name}`);
  };
  await tabTo("Open chat");
  await page.keyboard.press("Enter");
  assert.equal((await focused()).name, "name");
  await page.keyboard.type("Cleo");
  await page.keyboard.press("Enter");
  await page.locator("textarea").waitFor();
  await until("the focus to be where one writes", async () => (await focused())?.name === "Message");
  await page.keyboard.type("One line");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("and another");
  await page.keyboard.press("Enter");
  await until("the text", () => server.messages.at(-1)?.text === "One line\nand another");
  server.say({ kind: "question", from: { role: "system" }, text: "Which?", choices: ["This", "That"] });
  await page.locator(".choice").first().waitFor();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal((await focused()).name, "That");
  await page.keyboard.press("Space");
  await until("the answer", () => server.messages.at(-1)?.text === "That");
  await until("the focus to come back", async () => (await focused())?.name === "Message");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".panel").isVisible(), false);
  assert.equal((await focused()).name, "Open chat");
  await page.keyboard.press("Enter");
  assert.equal((await focused()).name, "Message");
  await tabTo("End chat");
  await page.keyboard.press("Enter");
  await until("the question", async () => (await focused())?.name === "Go on");
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    const at = await focused();
    assert.ok(!at || ["Go on", "End chat", "copy", "Open chat", "Close the window; the chat goes on"].includes(at.name), `the rest is out of reach: ${at?.name}`);
  }
  await tabTo("Go on");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".panel").isVisible(), true, "Escape took the question away, not the window");
  assert.equal((await focused()).name, "End chat");
  await page.keyboard.press("Enter");
  await tabTo("copy");
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  await page.keyboard.type("cleo@customer.test");
  await page.keyboard.press("Enter");
  await page.getByText("You ended the chat.").waitFor();
  assert.equal(server.said("transcript")[0].email, "cleo@customer.test");
  await until("the focus to be on what comes next", async () => (await focused())?.name === "Start a new chat");
});

test("a chat's end asks how it was, by keyboard, once", async () => {
  const { page, server } = await scene();
  server.survey = survey;
  server.say({ kind: "ended", text: "agent" });
  const form = page.getByRole("form", { name: "How did we do?" });
  await form.waitFor();
  const group = form.getByRole("group", { name: "How satisfied are you with this chat?" });
  assert.equal(await group.getByRole("radio").count(), 5);
  assert.deepEqual(await group.getByRole("radio").evaluateAll((all) => all.map((at) => at.labels[0].textContent)), ["1", "2", "3", "4", "5"]);
  assert.deepEqual(await form.getByRole("radio").evaluateAll((all) => all.slice(5).map((at) => at.labels[0].textContent)), ["yes", "partly", "<b>no</b>"]);
  await form.getByRole("button", { name: "Send" }).click();
  assert.equal(await page.locator("#q0-problem").isVisible(), true);
  assert.equal(server.answers, undefined);
  await page.keyboard.press("ArrowRight"); // the focus went to the question that is missing
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.type("More <b>tea</b>");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  server.refuseSurvey = { status: 503, json: { code: "database_away" } };
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByRole("alert").filter({ hasText: "did not work" }).waitFor();
  server.refuseSurvey = undefined;
  await form.getByRole("button", { name: "Send" }).click();
  await page.getByRole("status").filter({ hasText: "Thank you for your answers." }).waitFor();
  assert.deepEqual(server.answers, { answers: { how: "3", word: "More <b>tea</b>" }, never: true });
  assert.equal(await page.evaluate(() => document.querySelector(".parley-chat").shadowRoot.activeElement.textContent), "Start a new chat");
  await page.goto(page.url());
  await page.getByText("The chat was ended by our team.").waitFor();
  assert.equal(await page.locator(".survey").count(), 0, "it is not asked again");
  assert.deepEqual(page.complaints.filter((line) => !line.includes("503")), []);
});

test("who does not want to be asked says so, and the next chat begins", async () => {
  const { page, server } = await scene();
  server.survey = survey;
  server.say({ kind: "ended", text: "agent" });
  await page.locator("#never").check();
  await page.getByRole("button", { name: "No, thanks" }).click();
  await page.locator(".survey").waitFor({ state: "detached" });
  assert.deepEqual(server.answers, { answers: {}, never: true });
  await page.getByRole("button", { name: "Start a new chat" }).click();
  await page.locator("#name").waitFor();
});

test("a screen reader is told what is new, once", async () => {
  const { page, server } = await scene();
  const log = page.getByRole("log", { name: "Messages" });
  assert.equal(await log.getAttribute("aria-live"), "polite");
  server.acknowledging = false;
  await page.evaluate(() => {
    window.added = [];
    const list = document.querySelector(".parley-chat").shadowRoot.querySelector("[role=log]");
    new MutationObserver((records) => {
      for (const { target, addedNodes } of records) if (target === list) for (const node of addedNodes) window.added.push(node.textContent);
    }).observe(list, { childList: true });
  });
  await say(page, "Only once");
  server.acknowledging = true;
  server.tell({ type: "ack", client_id: server.messages.at(-1).client_id, number: 1, at: server.messages.at(-1).at });
  server.tell({ type: "message", message: server.messages.at(-1) });
  await page.locator(".state", { hasText: "Sent" }).waitFor();
  assert.deepEqual((await page.evaluate(() => window.added)).filter((text) => text.includes("Only once")).length, 1);
  assert.equal(await page.getByRole("dialog", { name: "Chat with us" }).count(), 1);
});

test("another language, another direction", async () => {
  for (const [path, locale, direction, button] of [
    ["/demo/chat?language=de", "en-GB", "ltr", "Chat beginnen"],
    ["/demo/chat?language=fr", "en-GB", "ltr", "Commencer le chat"],
    ["/demo/chat?language=es", "en-GB", "ltr", "Iniciar el chat"],
    ["/demo/chat?language=ar", "en-GB", "rtl", "بدء المحادثة"],
  ]) {
    const { page } = await scene({ path, locale, started: false });
    await page.locator(".launcher").click();
    await page.getByRole("button", { name: button, exact: true }).waitFor();
    assert.equal(await page.locator(".root").getAttribute("dir"), direction);
    const { x } = await page.locator(".launcher").boundingBox();
    assert.equal(x < 550, direction === "rtl", "the window is at the end of the line");
    const send = page.locator(".start button");
    assert.equal(await send.evaluate((b) => b.scrollWidth <= b.clientWidth), true);
  }
});

test("what a page's author may set", async () => {
  const { page, server } = await scene({
    started: false,
    tag: `data-title="Ask <b>Ann</b>" data-ask="email subject" data-require="email" data-name="Cleo" data-with-order="4711" data-side="start" data-open`,
  });
  await page.getByRole("heading", { name: "Ask <b>Ann</b>" }).waitFor();
  assert.ok((await page.locator(".launcher").boundingBox()).x < 550);
  assert.deepEqual(await page.locator(".start input").evaluateAll((all) => all.map((input) => input.id)), ["email", "subject"]);
  await page.locator(".start button").click();
  await page.getByText("Please fill this in.").waitFor();
  assert.equal(await page.locator("#email").getAttribute("aria-invalid"), "true");
  await page.locator("#email").fill("cleo@customer.test");
  await page.locator("#subject").fill("The kettle");
  await page.locator(".start button").click();
  await page.locator("textarea").waitFor();
  const { nickname, subject, identities, data } = server.opened[0];
  assert.deepEqual({ nickname, subject, identities, data }, {
    nickname: "Cleo", subject: "The kettle", identities: [{ kind: "email", value: "cleo@customer.test" }], data: { order: "4711" },
  });
  await page.evaluate(() => window.parley.close());
  assert.equal(await page.locator(".panel").isVisible(), false);
  await page.evaluate(() => window.parley.open());
  assert.equal(await page.locator(".panel").isVisible(), true);
});
