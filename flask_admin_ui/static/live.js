// The stream of events: it tells the live parts of a page to ask at once, so that they need to ask by the clock only
// rarely. One tab of a browser holds the stream and passes it on to the others: browsers open few connections to a site.
(() => {
  "use strict";
  const RARELY = 15_000; // between two questions by the clock while the stream is up
  const SOON = 40; // what happens together is asked for together
  const LATER = 600; // and once more when the history is on disk as well
  const answered = new WeakMap(); // live part -> when it was answered last
  const wanted = new WeakSet(); // live parts that were told to ask
  let up = false;
  let newest = 0; // Unix seconds of the server: what is shown must not be older
  const due = new Map(); // delay -> kinds that a timer waits to tell

  window.gosipLive = {
    // Whether a live part may ask now: it was told to, or its time has come.
    mayAsk(part) {
      if (wanted.delete(part)) return true;
      // Of what changes there no event tells: it asks by the clock as ever.
      if (part.hasAttribute("data-by-clock")) return true;
      return !up || Date.now() - (answered.get(part) ?? 0) > RARELY;
    },
    answered(part) {
      answered.set(part, Date.now());
    },
    newest: () => newest,
  };

  // Whoever triggers "refresh" wants an answer now.
  document.addEventListener("refresh", (event) => wanted.add(event.target), true);

  function tell(kinds) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const own = part.dataset.live.split(" ").filter(Boolean);
      if (!own.length || kinds.has("*") || own.some((kind) => kinds.has(kind))) htmx.trigger(part, "refresh");
    }
  }

  function plan(kind, delay, at) {
    if (due.has(delay)) {
      due.get(delay).add(kind);
      return;
    }
    due.set(delay, new Set([kind]));
    setTimeout(() => {
      const kinds = due.get(delay);
      due.delete(delay);
      newest = Math.max(newest, at + (delay - SOON) / 1000);
      tell(kinds);
    }, delay);
  }

  function heard(kind, at) {
    if (kind === "alarm" || kind === "hello") return;
    const everything = kind === "system" || kind === "reset";
    for (const delay of [SOON, LATER]) plan(everything ? "*" : kind, delay, at);
  }

  function stateIs(now) {
    up = now;
    document.documentElement.dataset.stream = up ? "up" : "down";
  }

  // ---------------------------------------------------------------- one stream for all tabs

  const channel = new BroadcastChannel("gosip-events");
  let leads = false;

  channel.addEventListener("message", ({ data }) => {
    if (data.type === "event") heard(data.kind, data.at);
    else if (data.type === "state") stateIs(data.up);
    else if (data.type === "ask" && leads) channel.postMessage({ type: "state", up });
  });

  function pass(message) {
    channel.postMessage(message);
    if (message.type === "event") heard(message.kind, message.at);
    else stateIs(message.up);
  }

  function open(lastSeen = "", wait = 2_000) {
    const source = new EventSource(`/api/events/stream${lastSeen ? `?lastEventId=${encodeURIComponent(lastSeen)}` : ""}`);
    source.addEventListener("open", () => pass({ type: "state", up: true }));
    source.addEventListener("error", () => {
      pass({ type: "state", up: false });
      // The browser comes back by itself, unless the server refused the stream: then we do, more and more rarely.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, wait, lastSeen, Math.min(wait * 2, 60_000));
    });
    for (const kind of ["binding", "call", "listeners", "process", "alarm", "system", "reset", "hello"]) {
      source.addEventListener(kind, (event) => {
        lastSeen = event.lastEventId;
        wait = 2_000;
        const at = Date.parse(JSON.parse(event.data).at) / 1000;
        pass({ type: "event", kind, at: Number.isFinite(at) ? at : 0 });
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!document.querySelector("[data-live]") || !navigator.locks) return;
    channel.postMessage({ type: "ask" });
    navigator.locks.request("gosip-events", () => {
      leads = true;
      open();
      return new Promise(() => {}); // until this tab goes
    });
  });
})();
