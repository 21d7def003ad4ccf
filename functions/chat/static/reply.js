// One reply: how it grows, and what a seller can do with it afterwards.

import { el, icon, keepInView, notice, say } from "./dom.js";
import { sourceList } from "./entry.js";
import { feedbackOn } from "./feedback.js";
import { RichText, closeMarkers } from "./markdown.js";

const COPIED_SHOWN_MS = 2_000;
export const CUT = "연결이 끊겨 답변을 끝까지 받지 못했습니다.";
const RECONNECTING = "다시 연결하고 있습니다.";
const CONCLUSIVE = ["declined", "greeting", "clarify"]; // asking the same again would change nothing
const OUTCOME_NOTICES = {
	declined: "스마트스토어 FAQ에서 다루지 않는 내용이에요.",
	clarify: "조금 더 구체적으로 알려 주시면 정확히 안내해 드릴 수 있어요.",
	cancelled: "답변을 중지했습니다.",
};
const DEGRADED_NOTICES = {
	model: "지금은 AI 모델에 연결할 수 없어 FAQ 내용을 그대로 정리해 드렸습니다.",
	grounding: "AI 답변에서 FAQ로 확인되지 않은 부분을 고쳤습니다.",
	history: "지금은 이전 대화를 불러올 수 없어 이번 질문만으로 답변했습니다.",
	turns: "", // the answer is as it should be; only a break would have cost it
};
const DEGRADED_OTHERWISE = "지금은 일부 기능이 원활하지 않아 답변이 평소와 다를 수 있습니다.";

export function message(who, label, bubble) {
	return el(`article.message.message-${who}:message-${who}`, { "aria-label": label }, bubble);
}

export class Reply {
	turnId = null;
	#text = "";
	followups = [];
	#frame = 0;
	#lost = null;
	#doing = el("span", "FAQ를 찾고 있습니다");
	#typing = el("div.typing:typing", { "aria-hidden": "true" }, el("span.dots", el("i"), el("i"), el("i")), this.#doing);
	#answer = el("div.rich-text.answer:answer");
	#richText = new RichText(this.#answer);
	#bubble = el("div.bubble", this.#typing, this.#answer);
	root = message("bot", "챗봇 답변", this.#bubble);

	constructor(question, { ask, regenerate }) {
		Object.assign(this, { question, ask, regenerate });
	}

	showSources(sources) {
		if (!sources.length) return;
		this.#doing.textContent = "찾은 FAQ로 답변을 쓰고 있습니다";
		this.#bubble.append(sourceList(sources));
	}

	addText(text) {
		this.#text += text;
		this.#typing.remove();
		// Many tokens may arrive within one frame; one rebuild is enough.
		this.#frame ||= requestAnimationFrame(() => {
			this.#frame = 0;
			keepInView(() => this.#richText.show(closeMarkers(this.#text)));
		});
	}

	showConnection(lost) {
		if (lost === Boolean(this.#lost)) return;
		this.#lost?.remove();
		this.#lost = lost ? notice("reconnecting", RECONNECTING) : null;
		this.root.append(this.#lost ?? "");
		say(lost ? RECONNECTING : "");
	}

	finish({ outcome, degraded = [], feedback }) {
		this.#settle();
		const told = new Set(degraded.map((part) => DEGRADED_NOTICES[part] ?? DEGRADED_OTHERWISE));
		this.#notify("degraded", [...told].join(" ").trim());
		this.#notify(outcome, OUTCOME_NOTICES[outcome]);
		if (!this.#text && !(outcome in OUTCOME_NOTICES)) this.#notify("interrupted", CUT);
		this.#addTools(!CONCLUSIVE.includes(outcome), feedback);
	}

	fail(text, retry) {
		this.#settle();
		this.#notify("error", text, retry);
		this.#addTools(false);
	}

	#settle() {
		cancelAnimationFrame(this.#frame);
		this.showConnection(false);
		this.#typing.remove();
		this.#answer.replaceChildren(); // a live region reads out what is new when it is no longer busy
		new RichText(this.#answer).show(this.#text);
		this.#bubble.hidden = !this.#bubble.querySelector(".sources") && !this.#text;
	}

	#notify(kind, text, retry) {
		if (text) this.root.append(notice(kind, text, retry));
	}

	#addTools(repeatable, feedback) {
		const tools = el("div.tools", { role: "group", "aria-label": "답변 도구" });
		this.root.append(tools);
		if (this.#text) tools.append(copyButton(this.#text));
		if (this.#text && this.turnId) feedbackOn(this.turnId, feedback, tools);
		if (repeatable && this.turnId) {
			tools.append(el("button.quiet.regenerate:regenerate", () => this.regenerate(this), icon("again"), "다시 답변 받기"));
		}
		const chip = ({ faq_id, text }) =>
			el("button.chip:followup", { "data-faq-id": faq_id }, () => this.ask(text, faq_id), text);
		const label = { role: "group", "aria-label": "이어서 물어볼 질문" };
		if (this.followups.length) this.root.append(el("div.followups", label, ...this.followups.map(chip)));
	}
}

function copyButton(text) {
	const node = el("button.quiet:copy", copy);
	const show = (name, label) => node.replaceChildren(icon(name), label);
	show("copy", "복사");

	async function copy() {
		try {
			await navigator.clipboard.writeText(text); // absent on plain HTTP, refused without permission
			show("check", "복사됨");
		} catch {
			show("copy", "복사하지 못했습니다");
		}
		say(node.textContent);
		setTimeout(() => show("copy", "복사"), COPIED_SHOWN_MS);
	}

	return node;
}
