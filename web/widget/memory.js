// What the widget remembers over page changes, tabs and restarts of the browser: the session's ticket, what was not sent yet, and how far
// was read (in localStorage, for all tabs); whether the panel is open and the draft (in sessionStorage, for this tab). Messages are not
// kept: the server has them. Each unsent post has a key of its own, so that two tabs never overwrite each other's list.

export class Memory {
  constructor(base, shared, own) {
    this.prefix = `parley:${base}:`;
    this.shared = new Store(shared);
    this.own = new Store(own);
  }

  /** ticket is {session, token, read} of the session that was last open, or null. */
  ticket() {
    return this.shared.get(this.prefix + "ticket");
  }

  /** onTicket calls when another tab has kept a ticket. */
  onTicket(call) {
    addEventListener("storage", ({ key, newValue }) => key === this.prefix + "ticket" && newValue && call());
  }

  keepTicket(ticket) {
    this.shared.set(this.prefix + "ticket", ticket);
  }

  /** openingKey names one wish to open a session: asked again after a failure, even on another page, it opens the same session. */
  openingKey(fresh) {
    const key = this.shared.get(this.prefix + "opening") ?? fresh();
    this.shared.set(this.prefix + "opening", key);
    return key;
  }

  opened(ticket) {
    this.keepTicket(ticket);
    this.shared.remove(this.prefix + "opening");
  }

  /** forget ends what was remembered of a session. */
  forget() {
    this.shared.remove(this.prefix + "ticket");
    this.shared.remove(this.prefix + "opening");
    for (const key of this.shared.keys(this.prefix + "post:")) this.shared.remove(key);
  }

  /** posts are those not acknowledged yet, oldest first. */
  posts() {
    return this.shared.keys(this.prefix + "post:").map((key) => this.shared.get(key)).filter(Boolean)
      .sort((a, b) => a.order - b.order);
  }

  keepPost(post) {
    this.shared.set(this.prefix + "post:" + post.id, post);
  }

  dropPost(id) {
    this.shared.remove(this.prefix + "post:" + id);
  }

  /** polling tells whether this browser's network let no socket through when it was last tried. */
  polling() {
    return this.own.get(this.prefix + "polling") === true;
  }

  keepPolling(polling) {
    this.own.set(this.prefix + "polling", polling);
  }

  draft() {
    return this.own.get(this.prefix + "draft") ?? "";
  }

  keepDraft(text) {
    text ? this.own.set(this.prefix + "draft", text) : this.own.remove(this.prefix + "draft");
  }

  wasOpen() {
    return this.own.get(this.prefix + "open") === true;
  }

  keepOpen(open) {
    this.own.set(this.prefix + "open", open);
  }
}

// Store keeps JSON values, in the page's memory only where the browser has no storage for us or it is full.
class Store {
  constructor(storage) {
    this.storage = storage;
    this.here = new Map();
  }

  get(key) {
    if (this.here.has(key)) return this.here.get(key);
    try {
      return JSON.parse(this.storage?.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  set(key, value) {
    try {
      this.storage.setItem(key, JSON.stringify(value));
      this.here.delete(key);
    } catch {
      this.here.set(key, value);
    }
  }

  remove(key) {
    this.here.delete(key);
    try {
      this.storage?.removeItem(key);
    } catch {
      // it could not be kept there either
    }
  }

  keys(prefix) {
    const found = new Set(this.here.keys());
    try {
      for (let i = 0; i < this.storage.length; i++) found.add(this.storage.key(i));
    } catch {
      // only what is here
    }
    return [...found].filter((key) => key.startsWith(prefix));
  }
}
