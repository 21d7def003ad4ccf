// The chat page: what the seller does, and how a turn looks. All text from the server enters the DOM as text nodes.

import { Problem, StreamCut, fetchEntry, fetchTurns, streamChat } from "./stream.js";

const MAX_MESSAGE_CHARS = 2_000;
const COUNTER_FROM_CHARS = 1_800;
const BOTTOM_SLACK_PX = 48; // closer to the end than this counts as "at the bottom"
const COPIED_SHOWN_MS = 2_000;

const TOO_LONG = `질문은 ${MAX_MESSAGE_CHARS.toLocaleString("ko")}자까지 보낼 수 있습니다. 조금 줄여서 다시 보내 주세요.`;
const CUT = "연결이 끊겨 답변을 끝까지 받지 못했습니다.";
const UNREACHABLE = "서버에 연결할 수 없습니다. 인터넷 연결을 확인하고 다시 시도해 주세요.";
const LOADING = "불러오고 있습니다.";
const ENTRY_FAILED = "FAQ를 불러오지 못했습니다. 잠시 후 다시 시도해 주세요.";
const FAILED = "답변을 가져오지 못했습니다. 잠시 후 다시 시도해 주세요.";
const OUTCOME_NOTICES = {
  declined: "스마트스토어 FAQ에서 다루지 않는 내용이에요.",
  clarify: "조금 더 구체적으로 알려 주시면 정확히 안내해 드릴 수 있어요.",
  cancelled: "답변을 중지했습니다.",
};
const DEGRADED_NOTICES = {
  model: "지금은 AI 모델에 연결할 수 없어 FAQ 내용을 그대로 정리해 드렸습니다.",
  grounding: "AI 답변에서 FAQ로 확인되지 않은 부분을 고쳤습니다.",
  history: "지금은 이전 대화를 불러올 수 없어 이번 질문만으로 답변했습니다.",
};
const DEGRADED_OTHERWISE = "지금은 일부 기능이 원활하지 않아 답변이 평소와 다를 수 있습니다.";

const byId = (id) => document.getElementById(id);
const page = {
  welcome: byId("welcome"),
  transcript: byId("transcript"),
  form: byId("composer-form"),
  input: byId("composer"),
  send: byId("send"),
  stop: byId("stop"),
  newChat: byId("new-chat"),
  counter: byId("counter"),
  composerNotice: byId("composer-notice"),
  jump: byId("jump"),
  status: byId("status"),
  entry: byId("entry"),
  entryTitle: byId("entry-title"),
  entryBody: byId("entry-body"),
  entryClose: byId("entry-close"),
};

// DOM.

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children); // strings become text nodes, never markup
  return node;
}

function icon(name) {
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function button(attributes, onClick, ...children) {
  const node = el("button", { type: "button", ...attributes }, ...children);
  node.addEventListener("click", onClick);
  return node;
}

/** `kind` is error, degraded, interrupted or an outcome; only an error interrupts a screen reader. */
function notice(kind, text, retry) {
  const role = kind === "error" ? { role: "alert" } : {};
  const node = el("div", { class: "notice", "data-testid": "notice", "data-kind": kind, ...role }, el("p", {}, text));
  if (retry) node.append(button({ class: "button-quiet retry", "data-testid": "retry" }, retry, "다시 시도"));
  return node;
}

// Answer text.

const LINE_KINDS = [
  ["note", /^(※|!(?= ?(?:중요|주의|참고)))\s*/],
  ["heading", /^(?:#{1,4}\s+|(?=[■□▶▷]))/],
  ["bullets", /^([·ㆍ∙•]|[-*](?=\s))\s*/],
  ["steps", /^(\d{1,2}[.)](?!\d)|[①-⑳])\s*/],
];
const LISTS = { bullets: "ul", steps: "ol" };
const INLINE = /\*\*(?<strong>.+?)\*\*|`(?<code>[^`]+)`|\[(?<menu>[^[\]>]*>[^[\]]*)\]/g;

function readLine(line) {
  for (const [kind, pattern] of LINE_KINDS) {
    const found = pattern.exec(line);
    if (found) return { kind, marker: found[1], text: line.slice(found[0].length) };
  }
  return { kind: "paragraph", text: line };
}

/** Lines as blocks; neighbouring bullets or steps share one list. */
function parseBlocks(text) {
  const blocks = [];
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    if (!line) continue;
    const { kind, ...item } = readLine(line);
    const last = blocks.at(-1);
    if (last?.kind === kind && kind in LISTS) {
      last.items.push(item);
      last.source += `\n${line}`;
    } else {
      blocks.push({ kind, items: [item], source: line });
    }
  }
  return blocks;
}

/** While text still arrives, close what its last line opened, so that no raw `[`, `` ` `` or `**` flashes by. */
function closeMarkers(text) {
  const start = text.lastIndexOf("\n") + 1;
  let line = text.slice(start);
  if (/\[[^[\]>]*>[^[\]]*$/.test(line)) line += "]";
  if (line.split("`").length % 2 === 0) line = line.endsWith("`") ? line.slice(0, -1) : `${line}\``;
  if (line.split("**").length % 2 === 0) line = line.endsWith("**") ? line.slice(0, -2) : `${line.replace(/\*$/, "")}**`;
  return text.slice(0, start) + line;
}

function inlineNodes(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const { strong, code, menu } = found.groups;
    nodes.push(text.slice(end, found.index));
    if (strong) nodes.push(el("strong", {}, ...inlineNodes(strong)));
    else if (code) nodes.push(el("code", {}, code));
    else nodes.push(el("span", { class: "menu-path" }, menu.trim()));
    end = found.index + found[0].length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

function listItem(kind, { marker, text }) {
  // Markers are text, not list-style: the numbers are the source's own, and a copied selection keeps them.
  return el("li", {}, el("span", { class: "marker" }, kind === "bullets" ? "•" : marker), " ", ...inlineNodes(text));
}

function blockNode({ kind, items }) {
  if (kind in LISTS) return el(LISTS[kind], { class: kind, role: "list" }, ...items.map((item) => listItem(kind, item)));
  const [{ marker, text }] = items;
  return el("p", { class: kind }, ...inlineNodes(marker ? `${marker} ${text}` : text));
}

/** Shows growing text and rebuilds only the blocks that changed, so that a selection further up survives. */
class RichText {
  #sources = [];

  constructor(element) {
    this.element = element;
  }

  show(text) {
    const blocks = parseBlocks(text);
    blocks.forEach((block, i) => {
      if (this.#sources[i] === block.source) return;
      const node = blockNode(block);
      if (this.element.children[i]) this.element.children[i].replaceWith(node);
      else this.element.append(node);
    });
    while (this.element.children.length > blocks.length) this.element.lastElementChild.remove();
    this.#sources = blocks.map((block) => block.source);
  }

  /** The whole text as new nodes: a live region reads out what is added after it stops being busy. */
  showFinal(text) {
    this.element.replaceChildren();
    this.#sources = [];
    this.show(text);
  }
}

// One reply.

/** The question without the `[…]` labels that are shown as tags. */
function titleOf({ question, tags }) {
  const withoutLabel = (title, tag) => (title.startsWith(`[${tag}]`) ? title.slice(tag.length + 2).trim() : title);
  return tags.reduce(withoutLabel, question) || question;
}

const tagsOf = ({ tags }) => tags.map((tag) => el("span", { class: "tag" }, tag));

function sourceCard(source) {
  const tags = tagsOf(source);
  const excerpt = el("div", { class: "rich-text" });
  new RichText(excerpt).show(source.excerpt);
  const open = button({ class: "button-quiet", "data-testid": "open-entry" }, () => openEntry(source), "전체 내용 보기");
  return el(
    "details",
    { class: "source-card", "data-testid": "source-card", "data-faq-id": source.faq_id },
    el("summary", {}, el("span", { class: "source-title" }, titleOf(source)), ...tags, icon("down")),
    el("div", { class: "excerpt" }, excerpt, open),
  );
}

function sourceList(sources) {
  return el(
    "details",
    { class: "sources", "data-testid": "sources" },
    el("summary", {}, `참고한 FAQ ${sources.length}건`, icon("down")),
    el("div", { class: "source-cards" }, ...sources.map(sourceCard)),
  );
}

// The whole entry behind a source.

let opener = null; // has the focus again when the entry is closed
let shown = null; // an entry that arrives after another was asked for is not shown

function openEntry(source) {
  opener = document.activeElement;
  page.entry.showModal();
  loadEntry(source);
}

async function loadEntry({ faq_id, ...source }) {
  shown = faq_id;
  page.entryTitle.textContent = titleOf({ tags: [], ...source });
  page.entryBody.replaceChildren(el("p", { class: "muted" }, LOADING));
  page.entryTitle.focus();
  const entry = await fetchEntry(faq_id).catch((error) => error);
  if (shown !== faq_id) return;
  if (entry instanceof Error) return showEntryFailure(entry, () => loadEntry({ faq_id, ...source }));
  const answer = el("div", { class: "rich-text", "data-testid": "entry-answer" });
  new RichText(answer).show(entry.answer);
  page.entryTitle.textContent = titleOf(entry);
  page.entryBody.replaceChildren(el("div", { class: "tags" }, ...tagsOf(entry)), answer, ...relatedEntries(entry.related));
  page.entryBody.scrollTop = 0;
}

function relatedEntries(related) {
  if (!related.length) return [];
  const open = (entry) =>
    button({ class: "chip", "data-testid": "related-entry" }, () => loadEntry(entry), entry.question);
  return [el("h3", {}, "관련 FAQ"), el("div", { class: "followups" }, ...related.map(open))];
}

function showEntryFailure(error, retry) {
  const text = error instanceof Problem ? error.message || ENTRY_FAILED : UNREACHABLE;
  page.entryBody.replaceChildren(notice("error", text, error.status === 404 ? undefined : retry));
}

page.entryClose.addEventListener("click", () => page.entry.close());
page.entry.addEventListener("click", (event) => {
  if (event.target === page.entry) page.entry.close(); // the backdrop
});
page.entry.addEventListener("close", () => {
  if (page.entry.open) return; // told late: it was opened again meanwhile
  shown = null;
  opener?.focus({ preventScroll: true });
});

function message(who, label, bubble) {
  return el("article", { class: `message message-${who}`, "data-testid": `message-${who}`, "aria-label": label }, bubble);
}

function typingIndicator() {
  const dots = el("span", { class: "dots" }, el("i"), el("i"), el("i"));
  return el("div", { class: "typing", "aria-hidden": "true" }, dots, el("span", {}, "FAQ를 찾고 있습니다"));
}

class Reply {
  #text = "";
  #followups = [];
  #frame = 0;
  #typing = typingIndicator();
  #answer = el("div", { class: "rich-text answer", "data-testid": "answer" });
  #richText = new RichText(this.#answer);
  #bubble = el("div", { class: "bubble" }, this.#typing, this.#answer);
  root = message("bot", "챗봇 답변", this.#bubble);

  showSources(sources) {
    if (!sources.length) return;
    this.#typing.lastElementChild.textContent = "찾은 FAQ로 답변을 쓰고 있습니다";
    this.#bubble.append(sourceList(sources));
  }

  addText(text) {
    this.#text += text;
    this.#typing.remove();
    // Many tokens may arrive within one frame; one rebuild is enough.
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  holdFollowups(followups) {
    this.#followups = followups;
  }

  finish({ outcome, degraded }) {
    this.#settle();
    if (degraded.length) this.#notify("degraded", this.#degradedText(degraded));
    if (outcome in OUTCOME_NOTICES) this.#notify(outcome, OUTCOME_NOTICES[outcome]);
    else if (!this.#text) this.#notify("interrupted", CUT);
    this.#addTools();
  }

  stop() {
    this.finish({ outcome: "cancelled", degraded: [] });
  }

  fail(text, retry) {
    this.#settle();
    this.root.append(notice("error", text, retry));
    this.#addTools();
  }

  #paint() {
    this.#frame = 0;
    keepInView(() => this.#richText.show(closeMarkers(this.#text)));
  }

  #settle() {
    cancelAnimationFrame(this.#frame);
    this.#typing.remove();
    this.#richText.showFinal(this.#text);
    this.#bubble.hidden = !this.#bubble.querySelector(".sources") && !this.#text;
  }

  #degradedText(degraded) {
    return [...new Set(degraded.map((part) => DEGRADED_NOTICES[part] ?? DEGRADED_OTHERWISE))].join(" ");
  }

  #notify(kind, text) {
    this.root.append(notice(kind, text));
  }

  #addTools() {
    if (this.#text) this.root.append(el("div", { class: "tools" }, copyButton(() => this.#text)));
    if (this.#followups.length) this.root.append(followupChips(this.#followups));
  }
}

function copyButton(textOf) {
  const label = el("span", {}, "복사");
  const node = button({ class: "button-quiet", "data-testid": "copy" }, copy, icon("copy"), label);

  async function copy() {
    const copied = await writeClipboard(textOf());
    node.firstElementChild.replaceWith(icon(copied ? "check" : "copy"));
    label.textContent = copied ? "복사됨" : "복사하지 못했습니다";
    say(copied ? "답변을 복사했습니다." : "답변을 복사하지 못했습니다.");
    setTimeout(() => {
      node.firstElementChild.replaceWith(icon("copy"));
      label.textContent = "복사";
    }, COPIED_SHOWN_MS);
  }

  return node;
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text); // absent on plain HTTP, refused without permission
    return true;
  } catch {
    return false;
  }
}

function followupChips(followups) {
  const chips = followups.map(({ faq_id, text }) =>
    button({ class: "chip", "data-testid": "followup", "data-faq-id": faq_id }, () => ask(text, faq_id), text),
  );
  return el("div", { class: "followups", role: "group", "aria-label": "이어서 물어볼 질문" }, ...chips);
}

// Scrolling.

const root = document.documentElement;
const endOfPage = () => root.scrollHeight - window.innerHeight;
const atBottom = () => endOfPage() - window.scrollY < BOTTOM_SLACK_PX;

/** Change the page and, if the seller was reading its end, go along with it. */
function keepInView(change) {
  const follow = atBottom();
  change();
  if (follow) window.scrollTo(0, followTarget());
  updateJump();
}

/** The end of the page, but a long answer stops where its question meets the top: one reads from the beginning. */
function followTarget() {
  const question = [...page.transcript.querySelectorAll(".message-user")].at(-1);
  if (!question) return endOfPage();
  const underTopbar = parseFloat(getComputedStyle(root).scrollPaddingTop);
  const questionTop = question.getBoundingClientRect().top + window.scrollY - underTopbar;
  const readerWentPast = window.scrollY > questionTop + 1;
  return readerWentPast ? endOfPage() : Math.min(endOfPage(), questionTop);
}

function scrollToEnd() {
  window.scrollTo(0, endOfPage());
  updateJump();
}

function updateJump() {
  page.jump.hidden = atBottom();
}

// Session.

const SESSION_KEY = "faqchat.session";

const session = {
  id: null,
  recall() {
    try {
      this.id = localStorage.getItem(SESSION_KEY);
    } catch {
      // storage is blocked: the conversation lasts as long as the page
    }
    return this.id;
  },
  remember(id) {
    this.id = id;
    try {
      if (id) localStorage.setItem(SESSION_KEY, id);
      else localStorage.removeItem(SESSION_KEY);
    } catch {
      // as above
    }
  },
};

// The flow of a conversation.

let running = null; // the AbortController of the turn or restore under way

function begin() {
  running = new AbortController();
  page.transcript.setAttribute("aria-busy", "true");
  return running;
}

function end(controller) {
  if (running !== controller) return; // a new chat has begun meanwhile
  running = null;
  page.transcript.setAttribute("aria-busy", "false");
  showStop(false);
}

function showStop(visible) {
  const focusWasOnIt = document.activeElement === page.stop || document.activeElement === page.send;
  page.stop.hidden = !visible;
  page.send.hidden = visible;
  if (focusWasOnIt) (visible ? page.stop : page.input).focus();
}

async function ask(text, followupId = null) {
  if (running) return;
  page.welcome.hidden = true;
  addQuestion(text);
  scrollToEnd();
  focusComposer();
  await answer({ message: text, followup_id: followupId });
}

function addQuestion(text) {
  // Offers and retries belong to the latest turn only.
  page.transcript.querySelectorAll(".followups, .retry").forEach((node) => node.remove());
  page.transcript.append(message("user", "내 질문", el("div", { class: "bubble" }, text)));
}

async function answer(question) {
  const controller = begin();
  showStop(true);
  say("답변을 작성하고 있습니다.");
  const begins = session.id === null;
  const reply = addReply();
  scrollToEnd();
  try {
    for await (const event of streamChat({ ...question, session_id: session.id }, controller.signal)) {
      keepInView(() => receive(reply, event));
      // A conversation that could not be stored has an id that the server will not know again.
      if (begins && event.name === "done" && event.data.degraded.includes("history")) session.remember(null);
    }
  } catch (error) {
    keepInView(() => (controller.signal.aborted ? reply.stop() : explain(reply, error, question)));
  } finally {
    say("");
    end(controller);
  }
}

function addReply() {
  const reply = new Reply();
  page.transcript.append(reply.root);
  return reply;
}

function receive(reply, { name, data }) {
  if (name === "start") session.remember(data.session_id);
  if (name === "sources") reply.showSources(data.sources);
  if (name === "delta") reply.addText(data.text);
  if (name === "followups") reply.holdFollowups(data.followups);
  if (name === "done") reply.finish(data);
}

function explain(reply, error, question) {
  const retry = () => {
    if (running) return;
    reply.root.remove();
    focusComposer();
    answer(question);
  };
  if (!(error instanceof Problem)) return reply.fail(error instanceof StreamCut ? CUT : UNREACHABLE, retry);
  // An expired session cannot be continued; a retry then begins a new one.
  if (error.status === 404) session.remember(null);
  const worthRetrying = error.status >= 500 || [404, 408, 409, 429].includes(error.status);
  reply.fail(error.message || FAILED, worthRetrying ? retry : undefined);
}

function startNewChat() {
  if (running) {
    running.abort();
    end(running);
  }
  session.remember(null);
  page.transcript.replaceChildren();
  page.welcome.hidden = false;
  page.composerNotice.replaceChildren();
  window.scrollTo(0, 0);
  updateJump();
  page.input.focus();
}

/** Show the stored conversation again, or the first screen when there is none. */
async function restore() {
  if (!session.recall()) {
    page.welcome.hidden = false;
    return;
  }
  const controller = begin();
  const turns = await fetchTurns(session.id).catch(() => undefined);
  if (controller.signal.aborted) return;
  if (turns) turns.forEach(showTurn);
  else if (turns === null) session.remember(null);
  else showRestoreFailure();
  page.welcome.hidden = page.transcript.hasChildNodes();
  scrollToEnd();
  end(controller);
}

function showTurn(turn) {
  addQuestion(turn.message);
  const reply = addReply();
  reply.showSources(turn.sources);
  reply.addText(turn.answer);
  reply.holdFollowups(turn.followups);
  reply.finish({ outcome: turn.outcome, degraded: turn.degraded ?? [] });
}

function showRestoreFailure() {
  const node = notice("error", "이전 대화를 불러오지 못했습니다.", () => {
    if (running) return;
    node.remove();
    restore();
  });
  page.transcript.append(node);
}

function say(text) {
  page.status.textContent = text;
}

// Composer.

const lengthOf = (text) => [...text].length; // code points, as the server counts

/** Not on touch screens, where focus would raise the keyboard over the answer. */
function focusComposer() {
  if (matchMedia("(pointer: fine)").matches) page.input.focus({ preventScroll: true });
}

function submit() {
  const text = page.input.value.trim();
  if (running || !text) return;
  if (lengthOf(text) > MAX_MESSAGE_CHARS) {
    page.composerNotice.replaceChildren(notice("error", TOO_LONG));
    return;
  }
  page.input.value = "";
  onInput();
  ask(text);
}

function onInput() {
  keepInView(fitInput);
  const length = lengthOf(page.input.value.trim());
  page.counter.hidden = length < COUNTER_FROM_CHARS;
  page.counter.textContent = `${length.toLocaleString("ko")} / ${MAX_MESSAGE_CHARS.toLocaleString("ko")}자`;
  page.counter.classList.toggle("over", length > MAX_MESSAGE_CHARS);
  page.input.setAttribute("aria-invalid", String(length > MAX_MESSAGE_CHARS));
  if (length <= MAX_MESSAGE_CHARS) page.composerNotice.replaceChildren();
}

function fitInput() {
  page.input.style.height = "auto";
  page.input.style.height = `${page.input.scrollHeight}px`;
}

function onKeydown(event) {
  if (event.key !== "Enter" || event.shiftKey) return;
  // Enter that completes a Hangul syllable is not a send; Safari reports it only by key code.
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit();
}

page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
page.input.addEventListener("input", onInput);
page.input.addEventListener("keydown", onKeydown);
page.stop.addEventListener("click", () => running?.abort());
page.newChat.addEventListener("click", startNewChat);
page.jump.addEventListener("click", scrollToEnd);
page.welcome.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (example) ask(example.textContent);
});
window.addEventListener("scroll", updateJump, { passive: true });
window.addEventListener("resize", updateJump, { passive: true });

restore();
focusComposer();
