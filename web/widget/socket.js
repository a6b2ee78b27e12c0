// The first way to the server: a WebSocket that carries JSON frames.

const pingEvery = 25_000; // milliseconds without anything heard
const deadAfter = 10_000; // behind a ping
const welcomeWithin = 10_000; // some networks take the connection and carry nothing

/** openSocket connects and says hello; on.frame(frame), and exactly once on.closed(code). */
export function openSocket(base, ticket, since, on) {
  const url = new URL("socket", base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let over = false;
  let watch;
  const socket = new WebSocket(url, "parley.chat.v1");

  const end = (code) => {
    if (over) return;
    over = true;
    clearTimeout(watch);
    socket.close();
    on.closed(code);
  };
  const listen = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      socket.send('{"type":"ping"}');
      watch = setTimeout(end, deadAfter);
    }, pingEvery);
  };

  watch = setTimeout(end, welcomeWithin);
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", session: ticket.session, token: ticket.token, since: since() }));
  socket.onmessage = (event) => {
    if (over) return;
    listen();
    on.frame(JSON.parse(event.data));
  };
  socket.onclose = (event) => end(event.code);

  return {
    send: (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame)),
    close: () => end(),
  };
}
