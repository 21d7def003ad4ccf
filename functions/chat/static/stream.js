// The wire: server-sent events, problem details, stored turns. Nothing here touches the page.

const SILENCE_MS = 30_000; // a comment line is promised every 10 s
const REPLY_TIMEOUT_MS = 10_000;
const RETRY_MS = [300, 700, 1_500, 3_000, 5_000]; // the server goes on for 15 s
const OFFLINE_MS = 600_000; // the browser tells when there is something to try
const BUSY_MS = 1_000;
const BUSY_TRIES = 90;
const UNKNOWN_SESSION = [400, 404, 422]; // expired, or not an id that the server could have made

/** The server said in Korean why not (RFC 9457). */
export class Problem extends Error {
	constructor({ status, detail }) {
		super(detail ?? "요청을 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.");
		this.status = status;
	}
}

export const whyNot = (error) =>
	error instanceof Problem ? error.message : "서버에 연결할 수 없습니다. 인터넷 연결을 확인하고 다시 시도해 주세요.";

/** The event of a block of lines; a comment is none. */
function eventsOf(block) {
	const { event, id = "", data } = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
	return data ? [{ name: event, number: Number(id.split(":")[1]), data: JSON.parse(data) }] : [];
}

async function readBeforeSilence(reader) {
	let timer;
	const silence = new Promise((_, reject) => (timer = setTimeout(reject, SILENCE_MS)));
	try {
		return await Promise.race([reader.read(), silence]);
	} finally {
		clearTimeout(timer);
	}
}

/** Events, wherever the chunks of the network happen to end. */
async function* readEvents(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = "";
	try {
		for (;;) {
			const { done, value } = await readBeforeSilence(reader);
			if (done) return;
			const blocks = (rest + value).split("\n\n");
			rest = blocks.pop();
			yield* blocks.flatMap(eventsOf);
		}
	} finally {
		reader.cancel().catch(() => {}); // one that broke has nothing to cancel
	}
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** CloudFront signs no body without its hash, which only secure pages can compute. */
async function hashOf(body) {
	if (!crypto.subtle) return {};
	const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
	return { "x-amz-content-sha256": hex(new Uint8Array(digest)) };
}

/** A reply that is no problem; `content` is posted. */
async function call(path, { content, headers, ...options } = {}) {
	const sent = { signal: AbortSignal.timeout(REPLY_TIMEOUT_MS), cache: "no-cache", headers, ...options };
	if (content) {
		sent.method = "POST";
		sent.body = JSON.stringify(content);
		sent.headers = { "Content-Type": "application/json", ...headers, ...(await hashOf(sent.body)) };
	}
	const response = await fetch(path, sent);
	if (response.ok) return response;
	const { detail } = await response.json().catch(() => ({}));
	throw new Problem({ status: response.status, detail });
}

/** A question on its way: its key makes a repeat harmless, the answer is taken up behind the `last` event. */
export function newTurn(request) {
	const key = hex(crypto.getRandomValues(new Uint8Array(16))); // plain HTTP has no randomUUID
	return { request, key, id: null, last: -1 };
}

function connect(turn, signal) {
	const headers = { Accept: "text/event-stream" };
	if (turn.last >= 0) headers["Last-Event-ID"] = `${turn.id}:${turn.last}`;
	if (turn.id) return call(`v1/turns/${turn.id}/events`, { headers, signal });
	headers["Idempotency-Key"] = turn.key;
	return call("v1/chat/stream", { content: turn.request, headers, signal });
}

/** What this connection says that was not heard before. */
async function* listen(turn, signal) {
	const { body } = await connect(turn, signal);
	for await (const event of body ? readEvents(body) : []) {
		if (event.number <= turn.last) continue;
		turn.last = event.number;
		if (event.name === "error") throw Object.assign(new Problem(event.data), { ended: true });
		if (event.name === "start") turn.id = event.data.turn_id;
		yield event;
		if (event.name === "done") return;
	}
	throw new Error("the connection ended before the turn did");
}

/** Until the time is over, the network or the reader is back, or nobody waits. */
function pause(ms, signal) {
	return new Promise((resolve) => {
		const over = new AbortController();
		const wake = () => resolve(over.abort());
		setTimeout(wake, ms);
		addEventListener("online", wake, over);
		document.addEventListener("visibilitychange", wake, over);
		signal.addEventListener("abort", wake, over);
	});
}

/**
 * Each event of a turn once, up to `done`, over as many connections as it takes; `lost` tells of a break.
 * Throws Problem when the server says what failed (`ended`: the turn itself).
 */
export async function* followTurn(turn, signal) {
	let failed = 0;
	let busy = 0;
	for (;;) {
		try {
			for await (const event of listen(turn, signal)) {
				failed = 0;
				yield event;
				if (event.name === "done") return;
			}
		} catch (error) {
			const isBusy = error.status === 409; // with an earlier try of this question
			const wait = isBusy && busy++ < BUSY_TRIES ? BUSY_MS : RETRY_MS[failed];
			if (signal.aborted || !wait || (error instanceof Problem && !isBusy)) throw error;
			if (!isBusy) failed++;
			yield { name: "lost" };
			await pause(navigator.onLine ? wait : OFFLINE_MS, signal);
		}
	}
}

export const cancelTurn = (turnId) => call(`v1/turns/${turnId}/cancel`, { content: {}, keepalive: true });
export const rateTurn = (turnId, feedback) => call(`v1/turns/${turnId}/feedback`, { content: feedback });
export const fetchEntry = async (faqId) => (await call(`v1/faq/${encodeURIComponent(faqId)}`)).json();

/** What a call gives, or null when the server does not know the session (any more). */
async function ofSession(id, options, read) {
	try {
		return await read(await call(`v1/sessions/${encodeURIComponent(id)}`, options));
	} catch (error) {
		if (UNKNOWN_SESSION.includes(error.status)) return null;
		throw error;
	}
}

export const fetchTurns = (id) => ofSession(id, {}, async (response) => (await response.json()).turns);
export const deleteSession = (id) => ofSession(id, { method: "DELETE" }, () => null);

/** The entries likeliest to be meant by what was typed, or examples where nothing was. */
export async function fetchSuggestions(q, limit, signal) {
	return (await (await call(`v1/faq/suggest?${new URLSearchParams({ q, limit })}`, { signal })).json()).suggestions;
}
