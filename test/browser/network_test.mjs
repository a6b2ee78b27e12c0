// The widget when things go wrong, against a scripted server: lost connections, refused posts, forbidden sockets, page changes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { base, begin, bubbles, connected, launch, say, shows, until, visit } from "./harness.mjs";
import { Scripted } from "./scripted.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function scene(server = new Scripted(), options = {}) {
  const page = await visit(browser, "/demo/chat", { prepare: (fresh) => server.attach(fresh), ...options });
  await begin(page);
  return { page, server };
}

const numbered = (page) => page.locator(".speech").evaluateAll((all) => all.map((item) => item.querySelector(".bubble").textContent));

test("what was written while the line was down arrives once, in order", async () => {
  const { page, server } = await scene();
  await say(page, "one");
  await until("one", () => server.messages.length === 1);
  server.acknowledging = false; // the server takes it, and its yes is lost
  await say(page, "two");
  await until("two", () => server.messages.length === 2);
  server.sockets = false;
  server.cut();
  await page.getByText("Connection lost. Trying again…").waitFor();
  await say(page, "three");
  await say(page, "four");
  server.say({ text: "from Ann meanwhile" });
  server.acknowledging = server.sockets = true;
  await until("all of it", () => server.messages.length === 5);
  await page.locator(".state", { hasText: "Sent" }).waitFor();
  assert.deepEqual(server.messages.map((m) => m.text), ["one", "two", "from Ann meanwhile", "three", "four"]);
  assert.deepEqual(await numbered(page), server.messages.map((m) => m.text));
});

test("an acknowledgement that overtakes another message does not hide it", async () => {
  const { page, server } = await scene();
  const tell = server.tell;
  server.tell = () => {}; // the server's messages are on their way
  server.say({ text: "from Ann" });
  await say(page, "from Cleo");
  await page.locator(".state", { hasText: "Sent" }).waitFor();
  server.tell = tell;
  server.cut();
  await shows(page, "from Ann");
  assert.deepEqual(await numbered(page), ["from Ann", "from Cleo"]);
});

test("the session and what was not sent come along to the next page", async () => {
  const { page, server } = await scene();
  await say(page, "before");
  await until("before", () => server.messages.length === 1);
  server.sockets = false;
  server.cut();
  await page.getByText("Connection lost").waitFor();
  await say(page, "unsent");
  await page.locator("textarea").fill("half a sentence");
  server.sockets = true;
  await page.getByRole("link", { name: "Kettles" }).click();
  await page.waitForURL(/page=kettles/);
  await shows(page, "unsent");
  await until("the unsent text", () => server.messages.length === 2);
  assert.equal(await page.locator("textarea").inputValue(), "half a sentence");
  assert.equal(server.opened.length, 1);
  assert.deepEqual(await numbered(page), ["before", "unsent"]);
});

test("two tabs show the same and send nothing twice", async () => {
  const { page, server } = await scene();
  const other = await page.context().newPage();
  await server.attach(other);
  await other.goto(page.url());
  await other.locator(".launcher").click();
  await say(page, "from the first");
  await shows(other, "from the first");
  await say(other, "from the second");
  await shows(page, "from the second");
  assert.equal(server.opened.length, 1);
  assert.deepEqual(await numbered(page), ["from the first", "from the second"]);
  assert.deepEqual(await numbered(other), ["from the first", "from the second"]);
});

test("a chat that one tab opens is there in the other", async () => {
  const server = new Scripted();
  const page = await visit(browser, "/demo/chat", { prepare: (fresh) => server.attach(fresh) });
  const other = await page.context().newPage();
  await server.attach(other);
  await other.goto(page.url());
  await other.locator(".launcher").click();
  await begin(page);
  await connected(other);
  await say(other, "the same session");
  await shows(page, "the same session");
  assert.equal(server.opened.length, 1);
});

test("a chat that was forgotten meanwhile does not stand in the way of a new one", async () => {
  const { page, server } = await scene();
  server.gone = true;
  await page.goto(page.url());
  await page.locator(".start").waitFor();
  server.gone = false;
  await startAgain(page);
  assert.equal(server.opened.length, 2);
});

test("a site of its own needs no more than the documented policy", async () => {
  const server = new Scripted();
  const site = base.replace("127.0.0.1", "localhost"); // another origin
  const page = await visit(browser, "/site", { prepare: (fresh) => server.attach(fresh), from: site });
  await page.getByRole("button", { name: "Chat öffnen" }).click();
  await page.getByRole("button", { name: "Chat beginnen" }).click();
  await connected(page);
  assert.equal(await page.locator(".head").evaluate((head) => getComputedStyle(head).backgroundColor), "rgb(11, 110, 105)");
  await say(page, "von einer anderen Seite");
  await until("the text", () => server.messages.length === 1);
  assert.equal(server.opened[0].page, site + "/site");
  assert.deepEqual(page.complaints, []);
});

test("where sockets are forbidden it asks by long polling", async () => {
  const { page, server } = await scene(new Scripted({ sockets: false }));
  await say(page, "over requests");
  await until("the text", () => server.messages.length === 1);
  server.say({ text: "an answer over requests" });
  await shows(page, "an answer over requests");
  assert.ok(server.polls.includes(""), "it has said hello");
  assert.ok(server.polls.some((query) => query.startsWith("?since=")), "it goes on by number");
  assert.deepEqual(await numbered(page), ["over requests", "an answer over requests"]);
  const { tries } = server;
  await page.goto(page.url());
  await connected(page);
  assert.equal(server.tries, tries, "the next page does not try what did not work");
});

test("waits before another try grow, are capped and differ", async () => {
  const { page } = await scene();
  const waits = await page.evaluate(async () => {
    const script = document.querySelector("script[src*=widget]").src;
    const loader = await (await fetch(script)).text();
    const path = loader.match(/"(widget\/[0-9a-f]+)\//)[1];
    const { backOff } = await import(new URL(`${path}/link.js`, script).href);
    return { least: [0, 1, 2, 20].map((n) => backOff(n, 0)), most: [0, 1, 2, 20].map((n) => backOff(n, 1)), some: [backOff(3), backOff(3), backOff(3)] };
  });
  assert.deepEqual(waits.least, [500, 1000, 2000, 15_000]);
  assert.deepEqual(waits.most, [1000, 2000, 4000, 30_000]);
  assert.ok(new Set(waits.some).size > 1);
});

test("a server that asks for patience gets the text later, in order", async () => {
  const { page, server } = await scene();
  let refused = 0;
  server.refuseText = () => [{ code: "slow_down", retry_after: 1 }, { code: "database_away" }][refused++];
  await say(page, "first");
  await say(page, "second");
  await until("both", () => server.messages.length === 2);
  assert.deepEqual(server.messages.map((m) => m.text), ["first", "second"]);
});

test("a text that is too long stays with the customer", async () => {
  const { page, server } = await scene();
  const long = "ü".repeat(2049); // 4,098 bytes
  await say(page, long);
  await page.getByText("2 characters too long").waitFor();
  assert.equal(await page.locator("textarea").inputValue(), long);
  assert.equal(server.said("text").length, 0);
  server.refuseText = () => ({ code: "too_long" }); // the server's limit is another one now
  await page.locator("textarea").fill("short enough, we thought");
  await page.locator("textarea").press("Enter");
  await page.getByText("Not sent. This message is too long.").waitFor();
  server.refuseText = null;
  await page.getByRole("button", { name: "Edit" }).click();
  assert.equal(await page.locator("textarea").inputValue(), "short enough, we thought");
  assert.equal(await page.locator(".speech").count(), 0);
});

test("files have limits, and a refused one says why", async () => {
  const { page, server } = await scene();
  const choose = (name, size, mimeType = "text/plain") => page.locator("input[type=file]").setInputFiles({ name, mimeType, buffer: Buffer.alloc(size, 65) });
  await choose("big.bin", (2 << 20) + 1);
  await page.getByText("This file is too large. At most 2 MB can be sent.").waitFor();
  await choose("empty.txt", 0);
  await page.getByText("empty.txt is empty.").waitFor();
  server.refuseFile = { status: 422, contentType: "application/problem+json", body: JSON.stringify({ code: "bad_file" }) };
  await choose("drawing.svg", 10, "image/svg+xml");
  await page.getByText("Files of this kind cannot be sent.").waitFor();
  server.refuseFile.body = JSON.stringify({ code: "files_too_large", limit: 1 << 20 });
  await choose("more.txt", 10);
  await page.getByText("The files of a chat can have 1 MB together.").waitFor();
  server.refuseFile = null;
  for (const n of [1, 2, 3]) {
    await choose(`photo ${n} <b>.txt`, 10);
    await shows(page, `photo ${n} <b>.txt`);
    await until("the file", () => server.messages.length === n);
  }
  await choose("four.txt", 10);
  await page.getByText("No more than 3 files can be sent in a chat.").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save photo 3" }).click()]);
  assert.match(download.suggestedFilename(), /^photo 3/);
});

test("a picture is shown from memory", async () => {
  const { page, server } = await scene();
  const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  await page.locator("input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: dot });
  await page.getByRole("img", { name: "dot.png" }).waitFor();
  assert.equal(server.said("file").length, 1);
  assert.deepEqual(page.complaints, []);
});

test("a session that the server knows no more ends here too", async () => {
  for (const code of [4401, 4404]) {
    const { page, server } = await scene();
    server.cut(code);
    await page.getByText("This chat is no longer available.").waitFor();
    await page.getByRole("button", { name: "Start a new chat" }).click();
    await startAgain(page);
    assert.equal(server.opened.length, 2);
    assert.notEqual(server.opened[0].key, server.opened[1].key);
  }
});

async function startAgain(page) {
  await page.locator(".start button").click();
  await connected(page);
}

test("opening again after a failure asks for the same session", async () => {
  const server = new Scripted();
  server.refuse = { status: 503, body: "" };
  const page = await visit(browser, "/demo/chat", { prepare: (fresh) => server.attach(fresh) });
  await page.locator(".launcher").click();
  await page.locator(".start button").click();
  await page.getByText("That did not work. Please try again.").waitFor();
  server.refuse = { status: 429, headers: { "Retry-After": "5" }, body: "" };
  await page.locator(".start button").click();
  await page.getByText("That was a lot at once.").waitFor();
  server.refuse = null;
  await startAgain(page);
  assert.equal(server.opened.length, 3);
  assert.equal(new Set(server.opened.map((o) => o.key)).size, 1);
});

test("frames that nobody knows change nothing", async () => {
  const { page, server } = await scene();
  for (const frame of [{ type: "__proto__" }, { type: "base" }, { type: "" }, { type: "message" }, { type: "ack", client_id: "unknown", number: 9, at: "x" }]) server.tell(frame);
  server.say({ text: "an internal note", internal: true });
  server.say({ text: "goes on" });
  await shows(page, "goes on");
  assert.deepEqual((await bubbles(page)).map((b) => b.text), ["goes on"]);
  assert.deepEqual(page.complaints, []);
});

test("without any storage it still works", async () => {
  const server = new Scripted();
  const page = await visit(browser, "/demo/chat", {
    prepare: async (fresh) => {
      await server.attach(fresh);
      await fresh.addInitScript(() => {
        for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get: () => { throw new DOMException("no", "SecurityError"); } });
      });
    },
  });
  await begin(page);
  await say(page, "kept nowhere");
  await until("the text", () => server.messages.length === 1);
  assert.deepEqual(page.complaints, []);
});
