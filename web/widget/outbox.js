// What the customer has said and the server has not acknowledged. Every post has an id of our own, so that it can be sent any number of
// times; they go one at a time, so that they arrive in the order in which they were written, whatever is refused or cut in between.

export class Outbox {
  constructor({ memory, send, changed }) {
    Object.assign(this, { memory, send, changed });
    this.posts = []; // {id, order, at, kind, text | file, problem: code of a refusal}
    this.flying = ""; // id of the one that waits for its answer
  }

  /** restore takes up what an earlier page left. */
  restore() {
    this.posts = this.memory.posts();
  }

  add(post) {
    const now = Date.now();
    this.posts.push({ ...post, at: new Date(now).toISOString(), order: Math.max(now, (this.posts.at(-1)?.order ?? 0) + 1) });
    this.memory.keepPost(this.posts.at(-1));
    this.next();
    this.changed();
  }

  /** resend begins anew on a fresh link: nothing is known of the answers that the old one owed us. */
  resend() {
    this.pause();
    this.next();
  }

  /** pause waits for a link. */
  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.flying = "";
  }

  next() {
    if (this.flying || this.timer) return;
    const post = this.posts.find((candidate) => !candidate.problem);
    if (!post) return;
    const frame = post.kind === "file"
      ? { type: "file", client_id: post.id, upload: post.file.upload }
      : { type: "text", client_id: post.id, text: post.text };
    if (this.send(frame)) this.flying = post.id;
  }

  /** acknowledged gives the message that a post has become. */
  acknowledged({ client_id: id, number, at }) {
    const post = this.posts.find((candidate) => candidate.id === id);
    this.drop(id);
    return post && { number, at, client_id: id, from: { role: "customer" }, kind: post.kind, text: post.text, file: post.file };
  }

  /** drop forgets a post that has arrived or is given up, and goes on with the next. */
  drop(id) {
    this.posts = this.posts.filter((post) => post.id !== id);
    this.memory.dropPost(id);
    if (this.flying === id) this.flying = "";
    this.next();
  }

  /** refused waits where the server only asks for patience; else the post stays, marked, for the customer to decide. */
  refused(id, code, seconds) {
    if (this.flying === id) this.flying = "";
    if (seconds > 0) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.next();
      }, seconds * 1000);
      return;
    }
    this.mark((post) => post.id === id, code);
    this.next();
  }

  /** refuseAll marks everything that waits. */
  refuseAll(code) {
    this.pause();
    this.mark(() => true, code);
  }

  mark(which, code) {
    for (const post of this.posts.filter(which)) {
      post.problem = code;
      this.memory.keepPost(post);
    }
  }

  /** retry sends a refused post again, under its id. */
  retry(id) {
    this.mark((post) => post.id === id, "");
    this.next();
    this.changed();
  }
}
