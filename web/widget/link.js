// A link to the server that mends itself. It tries a WebSocket, and long polling where two sockets in a row never got to their welcome while
// nothing else was wrong; it comes back after a loss with growing, jittered waits, at once when the browser says that it is online
// again or the page is looked at. Whoever uses it sees frames, and whether it is up.
import { openPolling } from "./polling.js";
import { openSocket } from "./socket.js";

const firstWait = 1000; // milliseconds
const longestWait = 30_000;
const socketTries = 2; // in a row, before polling
const pollingFor = 5 * 60_000; // then a socket is tried again

// Close codes behind which trying again is useless: the token is not, or no longer, good for this session.
const final = new Set([4401, 4404]);

/** backOff is how long to wait before try n (from 0): doubling, capped, and a random half of it, so that many browsers do not come at once. */
export function backOff(n, random = Math.random()) {
  const whole = Math.min(longestWait, firstWait * 2 ** Math.min(n, 16));
  return whole / 2 + (random * whole) / 2;
}

export class Link {
  /**
   * on: frame(frame), up(polling), down(), gone(code). since() gives the number behind which messages are wanted. polling: sockets need
   * not be tried at first.
   */
  constructor({ base, ticket, since, polling, on }) {
    Object.assign(this, { base, ticket, since, on });
    this.failures = 0; // tries in a row that did not get to their welcome
    this.unheard = polling ? socketTries : 0; // sockets in a row that did not
    this.up = false;
    this.comeBack = () => this.hurry();
    this.wentOffline = () => this.transport?.close();
  }

  start() {
    addEventListener("online", this.comeBack);
    addEventListener("offline", this.wentOffline);
    document.addEventListener("visibilitychange", this.comeBack);
    this.connect();
  }

  /** stop ends the link for good. */
  stop() {
    removeEventListener("online", this.comeBack);
    removeEventListener("offline", this.wentOffline);
    document.removeEventListener("visibilitychange", this.comeBack);
    clearTimeout(this.timer);
    clearTimeout(this.polled);
    this.stopped = true;
    this.transport?.close();
  }

  /** send gives a frame to the server if the link is up; whether it arrived, only the server's answer tells. */
  send(frame) {
    if (this.up) this.transport.send(frame);
    return this.up;
  }

  connect() {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const polling = this.unheard >= socketTries;
    let welcomed = false;
    const transport = (polling ? openPolling : openSocket)(this.base, this.ticket, this.since, {
      frame: (frame) => {
        if (transport !== this.transport) return;
        if (frame.type === "welcome") {
          welcomed = this.up = true;
          this.failures = 0;
          if (!polling) this.unheard = 0;
          this.on.frame(frame);
          this.on.up(polling);
          return;
        }
        this.on.frame(frame);
      },
      closed: (code) => {
        if (transport !== this.transport) return;
        if (!polling && !welcomed && navigator.onLine !== false) this.unheard++;
        this.lost(code);
      },
    });
    this.transport = transport;
    if (polling) {
      this.polled = setTimeout(() => {
        this.unheard = 0;
        transport.close();
      }, pollingFor);
    }
  }

  lost(code) {
    clearTimeout(this.polled);
    this.transport = null;
    this.up = false;
    if (this.stopped) return;
    if (final.has(code)) {
      this.stop();
      this.on.gone(code);
      return;
    }
    this.on.down();
    this.timer = setTimeout(() => this.connect(), backOff(this.failures++));
  }

  // hurry shortens the wait that is running: the network or the reader has come back.
  hurry() {
    if (!this.stopped && !this.transport && document.visibilityState !== "hidden") this.connect();
  }
}
