// The chat page: what the seller does, and what becomes of it.

import { conversationPanel } from "./conversations.js";
import { byId, el, focusComposer, keepInView, notice, on, say, scrollToEnd, updateJump } from "./dom.js";
import { CUT, Reply, message } from "./reply.js";
import { forget, recall, remember, touch } from "./store.js";
import { Problem, cancelTurn, fetchTurns, followTurn, newTurn, whyNot } from "./stream.js";
import { closeSuggestions, handledKey, offerSuggestions, showExamples } from "./suggest.js";

const MAX_MESSAGE_CHARS = 2_000;
const STOP_PATIENCE_MS = 2_000; // it should take one second

const TOO_LONG = "질문은 2,000자까지 보낼 수 있습니다. 조금 줄여서 다시 보내 주세요.";
const HOPELESS = [400, 413, 415, 422]; // the same again would be refused again
const STOPPED = { outcome: "cancelled" };
const EXPIRED = "보관 기간이 지난 대화라서 목록에서 지웠습니다.";

const welcome = byId("welcome");
const transcript = byId("transcript");
const input = byId("composer");
const send = byId("send");
const stopButton = byId("stop");
const composerNotice = byId("composer-notice");

let running = null; // a turn that is being answered, or a conversation that is being read again

function begin(turn = null) {
	running = { turn, controller: new AbortController(), stopping: false, left: false };
	transcript.ariaBusy = "true";
	return running;
}

function end(run) {
	if (running !== run) return;
	running = null;
	transcript.ariaBusy = "false";
	showStop(false);
}

/** Nobody waits for this run any more; the server is told once its turn has a name. */
function leave(run) {
	run.left = true;
	if (!run.turn || run.turn.id) run.controller.abort();
	if (run.turn?.id) cancelTurn(run.turn.id).catch(() => {}); // it then stops by itself, 15 s later
	if (running === run) remember({ turn: null });
	end(run);
}

function showStop(visible) {
	const focusWasOnIt = [stopButton, send].includes(document.activeElement);
	stopButton.hidden = !visible;
	send.hidden = visible;
	if (focusWasOnIt) (visible ? stopButton : input).focus();
}

function stop() {
	const run = running;
	run.stopping = true;
	say("답변을 중지하고 있습니다.");
	if (run.turn.id) cancel(run);
	setTimeout(() => giveUp(run), STOP_PATIENCE_MS);
}

const cancel = (run) => cancelTurn(run.turn.id).catch(() => giveUp(run));

/** The server does not end what was stopped: here it has ended. */
function giveUp(run) {
	if (running !== run) return;
	keepInView(() => run.reply.finish(STOPPED));
	leave(run);
}

function ask(text, followupId = null) {
	if (running) return;
	welcome.hidden = true;
	addQuestion(text);
	answer(newTurn({ message: text, followup_id: followupId, session_id: recall().current }));
}

function regenerate(earlier) {
	if (running) return;
	transcript.querySelector(".followups")?.remove();
	answer(newTurn({ ...earlier.question, session_id: recall().current, replaces: earlier.turnId }), earlier);
}

function addQuestion(text) {
	// Offers, retries and another answer are for the latest turn only.
	transcript.querySelectorAll(".followups, .retry, .regenerate").forEach((node) => node.remove());
	transcript.append(message("user", "내 질문", el("div.bubble", text)));
}

function addReply({ message, followup_id = null }) {
	const reply = new Reply({ message, followup_id }, { ask, regenerate });
	transcript.append(reply.root);
	return reply;
}

/** Have a turn answered; `earlier` is the reply whose place the answer takes. */
async function answer(turn, earlier = null) {
	const run = Object.assign(begin(turn), { earlier, reply: addReply(turn.request) });
	earlier?.root.replaceWith(run.reply.root);
	remember({ turn });
	showStop(true);
	focusComposer();
	say("답변을 작성하고 있습니다.");
	scrollToEnd();
	try {
		for await (const event of followTurn(turn, run.controller.signal)) {
			if (run.left) return leave(run);
			keepInView(() => receive(run, event));
		}
	} catch (error) {
		if (run.left) return;
		keepInView(() => explain(run, error));
	}
	say("");
	end(run);
}

function receive(run, { name, data }) {
	const { reply } = run;
	reply.showConnection(name === "lost");
	if (name === "start") started(run, data);
	if (name === "sources") reply.showSources(data.sources);
	if (name === "delta") reply.addText(data.text);
	if (name === "followups") reply.followups = data.followups;
	if (name === "done") {
		remember({ turn: null });
		// The server will not know a conversation that it could not store.
		if (!run.turn.request.session_id && data.degraded.includes("history")) forget(recall().current);
		reply.finish(data);
		refreshList();
	}
}

function started(run, { session_id, turn_id }) {
	const { turn } = run;
	run.reply.turnId = turn_id;
	turn.session = session_id;
	touch(session_id, turn.request.message);
	remember({ current: session_id, turn: { ...turn, last: -1 } }); // a reload tells it from the beginning
	refreshList();
	if (run.stopping) cancel(run);
}

function explain({ turn, reply, earlier, stopping }, error) {
	if (stopping) {
		remember({ turn: null });
		return reply.finish(STOPPED);
	}
	const refused = error instanceof Problem;
	// What the server may still do, or has done: asked with the same key, it gives that.
	const unfinished = !refused || error.status === 409 || (error.status === 404 && turn.id);
	if (error.status === 404 && !turn.id) remember({ current: null }); // expired: a retry begins another conversation
	remember({ turn: unfinished ? { ...turn, last: -1 } : null });
	const said = unfinished && turn.id ? CUT : whyNot(error);
	if (turn.request.replaces && !turn.id) {
		reply.root.replaceWith(earlier.root);
		return earlier.root.append(notice("error", said));
	}
	const retry = () => {
		if (running) return;
		const again = newTurn({ ...reply.question, session_id: recall().current });
		answer(unfinished ? { ...turn, id: null, last: -1 } : again, reply);
	};
	reply.fail(said, !HOPELESS.includes(error.status) && retry);
}

function clear() {
	if (running) leave(running);
	transcript.replaceChildren();
	composerNotice.replaceChildren();
}

function startNewChat() {
	clear();
	remember({ current: null, turn: null });
	welcome.hidden = false;
	scrollTo(0, 0);
	updateJump();
	refreshList();
	input.focus();
}

function openConversation(id) {
	if (id === recall().current && transcript.hasChildNodes()) return;
	clear();
	remember({ current: id, turn: null });
	restore();
}

/** Show the stored conversation, or the first screen; a turn under way goes on. */
async function restore() {
	const { current, list, turn } = recall();
	welcome.hidden = Boolean(current || turn);
	if (!welcome.hidden) return;
	const run = begin();
	const turns = current ? await fetchTurns(current).catch(() => undefined) : [];
	if (run.left) return;
	end(run);
	if (!turns) return turns === null ? expire(current) : showRestoreFailure();
	turns.filter(({ turn_id }) => turn_id !== turn?.request.replaces).forEach(showTurn);
	if (turns.length) touch(current, turns[0].message, list.find(({ id }) => id === current)?.updated);
	const isOfThis = turn && (turn.session ?? turn.request.session_id) === current;
	if (isOfThis && !turns.some(({ turn_id }) => turn_id === turn.id)) {
		addQuestion(turn.request.message);
		answer(turn);
	} else {
		remember({ turn: null });
	}
	welcome.hidden = transcript.hasChildNodes();
	scrollToEnd();
}

function showTurn(turn) {
	addQuestion(turn.message);
	const reply = addReply(turn);
	reply.turnId = turn.turn_id;
	reply.showSources(turn.sources);
	reply.addText(turn.answer);
	reply.followups = turn.followups;
	reply.finish(turn);
}

function expire(id) {
	forget(id);
	startNewChat();
	composerNotice.replaceChildren(notice("degraded", EXPIRED));
}

function showRestoreFailure() {
	const retry = () => {
		clear();
		restore();
	};
	transcript.append(notice("error", "이전 대화를 불러오지 못했습니다.", retry));
}

const lengthOf = (text) => [...text].length; // code points, as the server counts

function submit() {
	const text = input.value.trim();
	if (lengthOf(text) > MAX_MESSAGE_CHARS) composerNotice.replaceChildren(notice("error", TOO_LONG));
	else if (text) sendText(text);
}

function sendText(text, followupId) {
	if (running) return;
	input.value = "";
	onInput();
	closeSuggestions();
	ask(text, followupId);
}

function onInput() {
	keepInView(() => {
		input.style.height = "auto";
		input.style.height = `${input.scrollHeight}px`;
	});
	if (lengthOf(input.value.trim()) <= MAX_MESSAGE_CHARS) composerNotice.replaceChildren();
}

function onKeydown(event) {
	// Enter that completes a Hangul syllable is not a send; Safari reports it only by key code.
	if (event.isComposing || event.keyCode === 229) return;
	const handled = handledKey(event);
	const sends = !handled && event.key === "Enter" && !event.shiftKey;
	if (handled || sends) event.preventDefault();
	if (sends) submit();
}

on(byId("composer-form"), "submit", (event) => {
	event.preventDefault();
	submit();
});
on(input, "input", onInput);
on(input, "keydown", onKeydown);
on(stopButton, "click", stop);
on(byId("new-chat"), "click", startNewChat);
const refreshList = conversationPanel(openConversation, (id) => id === recall().current && startNewChat());
offerSuggestions(sendText, () => !running);
showExamples(ask);
restore();
focusComposer();
