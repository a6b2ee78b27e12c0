// A chat server of a few lines within the test, so that each thing a server may do can be done to the widget at will: refusing, repeating,
// being slow, going away. The real server is in ../chat_widget_test.go.

export const limits = { max_text: 4096, max_files: 3, max_file_bytes: 2 << 20, max_bytes: 5 << 20, transcript: "asked" };

export const survey = {
  language: "en", intro: "Two questions, half a minute.", thanks: "", answered: false, questions: [
    { key: "how", kind: "score", text: "How satisfied are you with this chat?", least: 1, most: 5, required: true },
    { key: "solved", kind: "choice", text: "Is your problem solved?", choices: ["yes", "partly", "<b>no</b>"] },
    { key: "word", kind: "text", text: "What could we do better?" },
  ],
};

export class Scripted {
  constructor({ sockets = true } = {}) {
    Object.assign(this, { sockets, messages: [], links: new Set(), heard: [], opened: [], polls: [], uploads: [], acknowledging: true, tries: 0 });
    this.limits = limits;
  }

  /** attach answers for the server on one page. */
  async attach(page) {
    await page.routeWebSocket(/\/in\/[^/]+\/socket$/, (socket) => this.socket(socket));
    await page.route(/\/in\/[^/]+\/sessions$/, (route) => this.open(route));
    await page.route(/\/in\/[^/]+\/sessions\/[^/]+\/frames/, (route) => this.poll(route));
    await page.route(/\/in\/[^/]+\/sessions\/[^/]+\/files/, (route) => this.file(route));
    await page.route(/\/in\/[^/]+\/sessions\/[^/]+\/survey$/, (route) => this.ask(route));
  }

  // ask gives the survey, or keeps its answers.
  ask(route) {
    if (route.request().method() === "GET") return route.fulfill({ json: { survey: this.survey ?? null } });
    if (this.refuseSurvey) return route.fulfill(this.refuseSurvey);
    this.answers = route.request().postDataJSON();
    return route.fulfill({ json: { answered: true } });
  }

  open(route) {
    this.opened.push(route.request().postDataJSON());
    if (this.refuse) return route.fulfill(this.refuse);
    return route.fulfill({ status: 201, json: { session: "s1", token: "t1", last: this.messages.length } });
  }

  socket(socket) {
    this.tries++;
    if (this.gone) return socket.close({ code: 4404 });
    if (!this.sockets) return socket.close({ code: 1006 });
    const link = { send: (frame) => socket.send(JSON.stringify(frame)), close: (code) => socket.close({ code }) };
    socket.onMessage((data) => this.hear(link, JSON.parse(data)));
    socket.onClose(() => this.links.delete(link));
  }

  async poll(route) {
    const url = new URL(route.request().url());
    this.polls.push(url.search);
    if (route.request().method() === "POST") {
      const answers = [];
      for (const frame of route.request().postDataJSON().frames) this.hear({ send: (answer) => answers.push(answer) }, frame);
      return route.fulfill({ json: { frames: answers } });
    }
    const welcomes = !url.searchParams.has("since");
    const since = Number(url.searchParams.get("since"));
    const frames = () => this.messages.filter((m) => m.number > since).map((message) => ({ type: "message", message }));
    if (welcomes) return route.fulfill({ json: { frames: [this.welcome(since), ...frames()] } });
    for (const end = Date.now() + 1000; frames().length === 0 && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 20));
    return route.fulfill({ json: { frames: frames() } }).catch(() => {}); // the page may have gone
  }

  file(route) {
    const request = route.request();
    if (request.method() === "GET") return route.fulfill({ body: this.uploads.at(-1)?.body ?? "", contentType: "application/octet-stream" });
    if (this.refuseFile) return route.fulfill(this.refuseFile);
    const name = new URL(request.url()).searchParams.get("name");
    const body = request.postDataBuffer();
    const upload = { upload: `u${this.uploads.length + 1}`, name, type: request.headers()["content-type"], size: body.length };
    this.uploads.push({ ...upload, body });
    return route.fulfill({ status: 201, json: upload });
  }

  welcome(since) {
    return { type: "welcome", session: "s1", last: this.messages.length, limits: this.limits, role: "customer", resumed: since > 0, gap_filled: false };
  }

  hear(link, frame) {
    this.heard.push(frame);
    switch (frame.type) {
      case "hello":
        this.links.add(link);
        link.send(this.welcome(frame.since));
        for (const message of this.messages.filter((m) => m.number > frame.since)) link.send({ type: "message", message });
        break;
      case "ping":
        link.send({ type: "pong" });
        break;
      case "text":
      case "file": {
        const refusal = this.refuseText?.(frame);
        if (refusal) return link.send({ type: "error", client_id: frame.client_id, ...refusal });
        const before = this.messages.find((m) => m.client_id === frame.client_id);
        const file = frame.type === "file" ? this.uploads.find((u) => u.upload === frame.upload) : undefined;
        const message = before ?? this.say({
          kind: frame.type, text: frame.text, client_id: frame.client_id, from: { role: "customer", name: "Cleo" },
          file: file && { name: file.name, type: file.type, size: file.size, upload: file.upload },
        });
        if (this.acknowledging) link.send({ type: "ack", client_id: frame.client_id, number: message.number, at: message.at });
        break;
      }
      case "end":
        this.say({ kind: "ended", text: "customer", from: { role: "customer" } });
        break;
    }
  }

  /** say appends a message and tells everybody. */
  say(message) {
    const whole = { session: "s1", number: this.messages.length + 1, at: new Date().toISOString(), from: { role: "agent", name: "Ann" }, kind: "text", ...message };
    this.messages.push(whole);
    this.tell({ type: "message", message: whole });
    return whole;
  }

  tell(frame) {
    for (const link of this.links) link.send(frame);
  }

  /** cut ends all sockets. */
  cut(code = 1012) {
    for (const link of this.links) link.close(code);
    this.links.clear();
  }

  /** said are the frames of a type that were heard. */
  said(type) {
    return this.heard.filter((frame) => frame.type === type);
  }
}
