// The FAQ behind an answer: its sources as cards, and an entry in full.

import { byId, el, icon, notice, on, titleOf } from "./dom.js";
import { RichText } from "./markdown.js";
import { fetchEntry, whyNot } from "./stream.js";

const dialog = byId("entry");
const heading = byId("entry-title");
const body = byId("entry-body");

const tagsOf = ({ tags }) => tags.map((tag) => el("span.tag", tag));

function richText(kind, text) {
	const node = el(kind);
	new RichText(node).show(text);
	return node;
}

function sourceCard(source) {
	const open = el("button.quiet:open-entry", () => openEntry(source), "전체 내용 보기");
	return el(
		"details.source-card:source-card",
		{ "data-faq-id": source.faq_id },
		el("summary", el("span.title", titleOf(source)), ...tagsOf(source), icon("down")),
		el("div.excerpt", richText("div.rich-text", source.excerpt), open),
	);
}

export function sourceList(sources) {
	const summary = el("summary", `참고한 FAQ ${sources.length}건`, icon("down"));
	return el("details.sources:sources", summary, el("div.source-cards", ...sources.map(sourceCard)));
}

let opener = null; // has the focus again when the entry is closed
let shown = null; // or about to be

function openEntry(source) {
	opener = document.activeElement;
	dialog.showModal();
	loadEntry(source);
}

async function loadEntry(source) {
	shown = source.faq_id;
	heading.textContent = titleOf(source);
	body.replaceChildren(el("p.muted", "불러오고 있습니다."));
	heading.focus();
	try {
		const entry = await fetchEntry(source.faq_id);
		if (shown === source.faq_id) showEntry(entry);
	} catch (error) {
		if (shown !== source.faq_id) return;
		body.replaceChildren(notice("error", whyNot(error), error.status === 404 ? null : () => loadEntry(source)));
	}
}

function showEntry(entry) {
	const related = entry.related.map((other) => el("button.chip:related-entry", () => loadEntry(other), other.question));
	heading.textContent = titleOf(entry);
	body.replaceChildren(el("div.tags", ...tagsOf(entry)), richText("div.rich-text:entry-answer", entry.answer));
	if (related.length) body.append(el("h3", "관련 FAQ"), el("div.followups", ...related));
	body.scrollTop = 0;
}

on(byId("entry-close"), "click", () => dialog.close());
on(dialog, "click", ({ target }) => target === dialog && dialog.close()); // the backdrop
on(dialog, "close", () => {
	if (dialog.open) return; // told late: it was opened again meanwhile
	shown = null;
	opener?.focus({ preventScroll: true });
});
