// The other way to the server, for networks that forbid sockets: one request waits for frames, others carry ours.

const answerWithin = 45_000; // milliseconds; the server answers an empty wait after 25 s

/** openPolling begins to ask; on.frame(frame), and exactly once on.closed(code), with the socket's codes for the same reasons. */
export function openPolling(base, ticket, since, on) {
  const address = new URL(`sessions/${encodeURIComponent(ticket.session)}/frames`, base);
  const abort = new AbortController();
  let over = false;
  let outgoing = Promise.resolve();

  const end = (code) => {
    if (over) return;
    over = true;
    abort.abort();
    on.closed(code);
  };
  const ask = async (url, options) => {
    const late = setTimeout(end, answerWithin);
    try {
      const answer = await fetch(url, {
        ...options,
        headers: { Authorization: `Bearer ${ticket.token}`, ...options?.headers },
        signal: abort.signal,
        cache: "no-store",
      });
      if (!answer.ok) throw answer;
      const { frames } = await answer.json();
      for (const frame of frames) if (!over) on.frame(frame);
    } finally {
      clearTimeout(late);
    }
  };
  const failed = (reason) => end({ 401: 4401, 403: 4401, 404: 4404 }[reason.status]);

  (async () => {
    try {
      await ask(address); // without a number it begins with the welcome and everything
      while (!over) await ask(`${address}?since=${since()}`);
    } catch (reason) {
      failed(reason);
    }
  })();

  return {
    // One request at a time, so that frames arrive in the order in which they were sent.
    send: (frame) => {
      outgoing = outgoing.then(() => over || ask(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ frames: [frame] }),
      })).catch(failed);
    },
    close: () => end(),
  };
}
