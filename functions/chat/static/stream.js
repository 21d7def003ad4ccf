// The wire: server-sent events over fetch, problem details and stored sessions. Nothing here touches the page.

// The server promises at least a comment line every 10 s, so a longer silence is a dead connection.
const SILENCE_MS = 30_000;
const READ_TIMEOUT_MS = 10_000;
// Expired, or not an id that the server could have made (a stale or edited browser store).
const UNKNOWN_SESSION = [400, 404, 422];

/** The server refused or failed, and said why in Korean (RFC 9457). */
export class Problem extends Error {
  constructor({ status, detail }) {
    super(detail ?? "");
    this.status = status;
  }
}

/** The connection ended before the answer did. */
export class StreamCut extends Error {}

/** Cuts decoded text into events, wherever the chunks of the network happen to end. */
class EventParser {
  #rest = "";
  #endedInCr = false;
  #event = "message";
  #data = [];

  *push(chunk) {
    // A CRLF may be split over two chunks; its second half must not count as an empty line.
    const text = this.#endedInCr && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    this.#endedInCr = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line) this.#readField(line);
      else yield* this.#endEvent();
    }
  }

  #readField(line) {
    // A comment line starts with a colon: its field name is empty and nobody asks for it.
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
  }

  *#endEvent() {
    // The name comes from the event field: a problem's own `type` is a URI.
    if (this.#data.length) yield { name: this.#event, data: JSON.parse(this.#data.join("\n")) };
    this.#event = "message";
    this.#data = [];
  }
}

/** CloudFront does not sign a body that it has not been told the hash of. Only secure pages can compute one. */
async function hashOf(body) {
  if (!crypto.subtle) return {};
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)));
  return { "x-amz-content-sha256": Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function readBeforeSilence(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("silence")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    throw new StreamCut("", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await readBeforeSilence(reader);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops reading early must not leave the connection open; one that broke has nothing to cancel.
    reader.cancel().catch(() => {});
  }
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem({ status: response.status, detail: body.detail });
}

/**
 * Ask, and yield `{name, data}` for each event up to and including `done`.
 * Throws Problem when the server says what failed, StreamCut when it says nothing more.
 */
export async function* streamChat(request, signal) {
  const body = JSON.stringify(request);
  const response = await fetch("v1/chat/stream", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...(await hashOf(body)) },
    body,
    signal,
  });
  if (!response.ok) throw await problemOf(response);
  for await (const event of readEvents(response.body)) {
    if (event.name === "error") throw new Problem(event.data);
    yield event;
    if (event.name === "done") return;
  }
  throw new StreamCut();
}

/** The turns of a stored session, or null when the server does not know it (any more). */
export async function fetchTurns(sessionId) {
  const response = await fetch(`v1/sessions/${encodeURIComponent(sessionId)}`, {
    cache: "no-store",
    signal: AbortSignal.timeout(READ_TIMEOUT_MS),
  });
  if (UNKNOWN_SESSION.includes(response.status)) return null;
  if (!response.ok) throw await problemOf(response);
  return (await response.json()).turns;
}

/** A FAQ entry in full. Throws Problem when the server says why it cannot be read. */
export async function fetchEntry(faqId) {
  const response = await fetch(`v1/faq/${encodeURIComponent(faqId)}`, { signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}
