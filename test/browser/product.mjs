// Two browsers talk through the whole product: the customer's, with the widget on the demo's page, and an agent's. The network drops, the
// server is killed; both see the same transcript, which is the one that the server keeps. Run by ../chat_widget_test.go.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Agent } from "./agent.mjs";
import { base, begin, bubbles, connected, launch, say, shows, until, visit } from "./harness.mjs";

const control = (order) => fetch(`${process.env.PARLEY_TEST_CONTROL}/${order}`, { method: "POST" });

let browser, ann;
before(async () => {
  browser = await launch();
  ann = await Agent.open(browser, process.env.PARLEY_TEST_AGENT);
});
after(() => browser.close());

// meet is a customer on the demo's page who has answered the questions and whom the agent has accepted.
async function meet({ name = "Cleo", ...options } = {}) {
  const page = await visit(browser, "/demo/chat?language=en", options);
  await begin(page, { name });
  await shows(page, "Welcome to the Example Shop");
  await page.getByRole("button", { name: "Something else" }).click();
  await shows(page, "Which email address may we use");
  await say(page, "cleo@customer.test");
  await ann.accept();
  await page.getByText(/Ann.* is here/).waitFor();
  return page;
}

// agree waits until customer, agent and server have the same texts in the same order, and gives them.
async function agree(page) {
  const texts = (list) => list.filter((m) => !m.internal && ["text", "question", "url"].includes(m.kind)).map((m) => m.text);
  let views;
  try {
    return await until("all to see the same", async () => {
      views = { customer: (await bubbles(page)).map((b) => b.text), agent: texts(await ann.heard()), server: texts(await ann.kept()) };
      const [a, b, c] = Object.values(views).map((view) => JSON.stringify(view));
      return a === b && b === c && views.server;
    });
  } catch (error) {
    assert.fail(`${error.message}: ${JSON.stringify(views, null, 1)}`);
  }
}

test("two browsers talk while the network drops and the server dies", async () => {
  const page = await meet();
  await say(page, "The kettle leaks");
  await ann.hears("The kettle leaks");
  await ann.send({ type: "typing", on: true });
  await page.locator(".typing", { hasText: "is writing" }).waitFor();
  await ann.say("Since when?");
  await shows(page, "Since when?");
  const { number } = (await ann.heard()).at(-1);
  await until("the agent to know that it was read", async () => (await ann.frames("read")).some((f) => f.from.role === "customer" && f.number >= number));
  await ann.send({ type: "read", number });
  await page.locator(".state", { hasText: "Seen" }).waitFor();

  await page.context().setOffline(true);
  await page.getByText("Connection lost. Trying again…").waitFor();
  await ann.say("Are you there?");
  await say(page, "Since yesterday");
  await say(page, "It drips from the base");
  await page.getByText("Will be sent when the connection is back").first().waitFor();
  await page.context().setOffline(false);
  await ann.hears("It drips from the base");
  await shows(page, "Are you there?");

  for (const round of [1, 2]) {
    const dying = control("kill"); // between two of these
    for (let n = 1; n <= 4; n++) {
      await say(page, `customer, as the server dies, ${round}.${n}`);
      await ann.say(`agent, as the server dies, ${round}.${n}`);
    }
    await dying;
    await page.getByText("Connection lost. Trying again…").waitFor();
    await say(page, `customer, while the server is dead, ${round}`);
    await ann.say(`agent, while the server is dead, ${round}`);
    await control("start");
    await ann.hears(`customer, while the server is dead, ${round}`);
    await shows(page, `agent, while the server is dead, ${round}`);
  }

  await page.getByRole("link", { name: "Orders" }).click();
  await page.waitForURL(/page=orders/);
  await connected(page);
  await say(page, "from the next page");
  await ann.hears("from the next page");

  const whole = await agree(page);
  assert.equal(new Set(whole).size, whole.length, `nothing is there twice: ${whole}`);
  assert.ok(whole.length >= 27, String(whole.length));
  assert.deepEqual(await ann.page.evaluate(() => window.desk.doubled), []);

  await page.getByRole("button", { name: "End chat" }).click();
  await page.locator("#copy").check();
  await page.locator("#copy-to").fill("cleo@customer.test");
  await page.getByRole("button", { name: "End chat" }).last().click();
  await page.getByText("You ended the chat.").waitFor();
  await until("the agent to see the end", async () => (await ann.heard()).some((m) => m.kind === "ended"));

  await ann.api("POST", `/v1/tasks/${ann.task}/complete`, { disposition: "solved" });
  const transcript = await until("the transcript to be kept", async () => {
    const { items } = await ann.api("GET", `/v1/interactions/${ann.session}/messages`);
    return items.find((message) => message.kind === "transcript");
  });
  let place = 0;
  for (const text of whole) {
    const found = transcript.text.indexOf(text, place);
    assert.ok(found >= place, `the transcript has ${text} in its place:\n${transcript.text}`);
    place = found + text.length;
  }
  await until("the transcript to be mailed", async () => (await (await fetch(`${base}/outbox`)).text()).includes("cleo@customer.test"));
});

test("names, texts, files and addresses are text on the whole way", async () => {
  const evil = `<img src=x onerror="window.hit=1">`;
  const page = await meet({ name: evil });
  await say(page, evil);
  await ann.hears(evil);
  await ann.say(evil);
  await page.locator(".speech.other", { hasText: evil }).waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "<b>bold</b>.txt", mimeType: "text/plain", buffer: Buffer.from("a file") });
  const sent = await until("the file", async () => (await ann.heard()).find((m) => m.kind === "file"));
  assert.equal(sent.file.size, 6);
  await page.getByRole("button", { name: `Save ${sent.file.name}` }).waitFor();
  await ann.say("javascript:window.hit=1", "url");
  await until("the refusal", async () => (await ann.frames("error")).some((f) => f.code === "bad_url"));
  await ann.say("https://shop.example/parts?a=<b>", "url");
  await page.locator(".bubble a b", { hasText: "shop.example" }).waitFor();
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.locator(".panel :is(img, b b, script, iframe)").count(), 0);
  assert.deepEqual(page.complaints, []);
  await ann.send({ type: "end" });
  await page.getByText("The chat was ended by our team.").waitFor();
});

test("a network without sockets", async () => {
  const page = await meet({ prepare: (fresh) => fresh.routeWebSocket(/\/in\//, (socket) => socket.close({ code: 1006 })) });
  await say(page, "over requests");
  await ann.hears("over requests");
  await ann.say("and back");
  await shows(page, "and back");
  const whole = await agree(page);
  assert.ok(whole.includes("over requests") && whole.includes("and back"));
});
