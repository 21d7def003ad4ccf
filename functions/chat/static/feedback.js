// What a seller thinks of an answer: a thumb, and for the lower one a reason.

import { el, icon, notice, on, say } from "./dom.js";
import { rateTurn, whyNot } from "./stream.js";

const THANKS = "의견을 보내 주셔서 감사합니다.";
const REASONS = {
	wrong: "내용이 사실과 달라요",
	incomplete: "설명이 부족해요",
	unclear: "이해하기 어려워요",
	off_topic: "질문과 다른 답변이에요",
	other: "그 밖의 이유",
};

/** Adds two thumbs to an answer's tools, and the form below these. `given` is what was said before. */
export function feedbackOn(turnId, given, tools) {
	const place = el("div.feedback");
	const up = el("button.quiet:thumb-up", { "aria-label": "도움이 됐어요" }, praise, icon("thumb"));
	const down = el("button.quiet.thumb-down:thumb-down", { "aria-label": "도움이 되지 않았어요" }, toggle, icon("thumb"));
	tools.append(up, down);
	tools.after(place);
	show();

	function show() {
		up.ariaPressed = String(given?.rating === "up");
		down.ariaPressed = String(given?.rating === "down");
		down.ariaExpanded = String(place.matches(":has(form)"));
	}

	async function give(feedback) {
		place.querySelector(".notice")?.remove();
		try {
			await rateTurn(turnId, feedback);
		} catch (error) {
			place.append(notice("error", `의견을 저장하지 못했습니다. ${whyNot(error)}`));
			return;
		}
		given = feedback;
		close();
		place.append(el("p.muted:feedback-thanks", THANKS));
		say(THANKS);
	}

	function close() {
		const hadFocus = place.contains(document.activeElement);
		place.replaceChildren();
		if (hadFocus) down.focus();
		show();
	}

	function praise() {
		close();
		if (given?.rating !== "up") give({ rating: "up" });
	}

	function toggle() {
		if (place.querySelector("form")) return close();
		const form = reasonForm(given, close);
		on(form, "submit", (event) => {
			event.preventDefault();
			const { reason = null, comment } = Object.fromEntries(new FormData(form));
			give({ rating: "down", reason, comment: comment.trim() });
		});
		place.replaceChildren(form);
		show();
		form.querySelector("input").focus();
	}
}

function reasonForm(given, cancel) {
	const reasons = Object.entries(REASONS).map(([value, text]) => {
		const chosen = given?.reason === value && { checked: "" };
		return el("label.reason", el("input", { type: "radio", name: "reason", value, ...chosen }), text);
	});
	const hint = "자세한 의견을 들려주세요. (선택)";
	const attributes = { name: "comment", rows: 2, maxlength: 500, "aria-label": "자세한 의견", placeholder: hint };
	const form = el(
		"form:feedback-form",
		el("fieldset", el("legend", "어떤 점이 아쉬우셨나요?"), ...reasons),
		el("textarea:feedback-comment", attributes, given?.comment ?? ""),
		el(
			"div",
			el("button.main-button:feedback-send", { type: "submit" }, "보내기"),
			el("button.quiet:feedback-cancel", cancel, "취소"),
		),
	);
	on(form, "keydown", (event) => {
		if (event.key === "Escape" && !event.isComposing) cancel();
	});
	return form;
}
