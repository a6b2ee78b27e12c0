// An agent in the second browser: a page that runs nothing of its own and speaks the documented protocol over a WebSocket as an
// agent's desk does. It resumes by number and sends again what was not acknowledged.
import { base, until } from "./harness.mjs";

export class Agent {
  constructor(page, token) {
    Object.assign(this, { page, token });
  }

  /** open gives an agent whose browser stands on a page of the server's own origin. */
  static async open(browser, token) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${base}/in/chat/widget.js`); // a text of the server's own origin, which runs nothing
    const agent = new Agent(page, token);
    await agent.api("PUT", "/v1/agents/me/state", { ready: true });
    return agent;
  }

  /** api makes one call of the REST API. */
  async api(method, path, body) {
    const answer = await fetch(base + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** accept takes the chat that is offered, and listens to it. */
  async accept() {
    const task = await until("a chat to be offered", async () => {
      const { items } = await this.api("GET", "/v1/tasks?state=offered");
      return items[0];
    });
    await this.api("POST", `/v1/tasks/${task.id}/accept`, {});
    this.session = task.interaction_id;
    this.task = task.id;
    await this.page.evaluate(connect, { url: `${base.replace("http", "ws")}/v1/chats/socket`, token: this.token, session: this.session });
  }

  /** kept gives the messages that the server has, over REST. */
  async kept() {
    return (await this.api("GET", `/v1/chats/${this.session}/messages?limit=200`)).items;
  }

  /** say sends a text or a page, and sends it again until it is acknowledged. */
  async say(text, type = "text") {
    await this.page.evaluate(([kind, words]) => window.desk.say({ type: kind, client_id: crypto.randomUUID(), text: words }), [type, text]);
  }

  send(frame) {
    return this.page.evaluate((sent) => window.desk.send(sent), frame);
  }

  /** heard gives the messages in the order of their numbers. */
  heard() {
    return this.page.evaluate(() => [...window.desk.messages.values()].sort((a, b) => a.number - b.number));
  }

  /** hears waits for a message that has this text. */
  hears(text) {
    return until(`the agent to read ${text}`, async () => (await this.heard()).find((message) => message.text === text)).catch(async (error) => {
      throw new Error(`${error.message}; he heard ${JSON.stringify(await this.page.evaluate(() => window.desk.frames.slice(-20)))}`);
    });
  }

  frames(type) {
    return this.page.evaluate((wanted) => window.desk.frames.filter((frame) => frame.type === wanted), type);
  }
}

// connect runs in the agent's page.
function connect({ url, token, session }) {
  const desk = (window.desk = { messages: new Map(), frames: [], waiting: new Map(), doubled: [] });
  const open = () => {
    const socket = (desk.socket = new WebSocket(url, "parley.chat.v1"));
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "hello", token }));
      socket.send(JSON.stringify({ type: "join", session, since: Math.max(0, ...desk.messages.keys()) }));
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      desk.frames.push(frame);
      if (frame.type === "welcome" && frame.session === session) for (const post of desk.waiting.values()) desk.send(post);
      if (frame.type === "message") {
        if (desk.messages.has(frame.message.number)) desk.doubled.push(frame.message.number);
        desk.messages.set(frame.message.number, frame.message);
      }
      if (frame.type === "ack") desk.waiting.delete(frame.client_id);
    };
    socket.onclose = ({ code, reason }) => {
      desk.frames.push({ type: "closed", code, reason });
      setTimeout(open, 300);
    };
  };
  desk.send = (frame) => desk.socket.readyState === WebSocket.OPEN && desk.socket.send(JSON.stringify({ session, ...frame }));
  desk.say = (frame) => {
    desk.waiting.set(frame.client_id, frame);
    desk.send(frame);
  };
  open();
}
