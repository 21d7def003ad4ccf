// The list of conversations: a drawer on a phone, a panel at the side of a wide window.

import { byId, el, icon, notice, on, say, titleOf } from "./dom.js";
import { forget, recall, remember } from "./store.js";
import { deleteSession, fetchTurns, whyNot } from "./stream.js";

const WIDE = matchMedia("(min-width: 1000px)");
const GONE = "보관 기간이 지난 대화입니다.";

const panel = byId("panel");
const opener = byId("open-conversations");
const list = byId("conversations");
const closer = byId("close-conversations");

/** `open(id)` shows a conversation, `removed(id)` is told of one that goes. Gives what redraws the list. */
export function conversationPanel(open, removed) {
	on(opener, "click", () => (panel.open ? panel.close() : show()));
	on(closer, "click", () => panel.close());
	on(panel, "click", ({ target }) => target === panel && !WIDE.matches && panel.close()); // the backdrop
	on(panel, "keydown", onKeydown);
	on(panel, "close", () => {
		opener.ariaExpanded = "false";
		opener.focus();
	});

	function show() {
		draw();
		if (WIDE.matches) panel.show();
		else panel.showModal();
		opener.ariaExpanded = "true";
		(list.querySelector("[aria-current]") ?? closer).focus();
	}

	function draw() {
		const { current, list: conversations } = recall();
		list.replaceChildren(...conversations.map((conversation) => row(conversation, conversation.id === current)));
		byId("no-conversations").hidden = conversations.length > 0;
	}

	function drawAndFocus(id, part) {
		draw();
		(list.querySelector(`[data-id="${CSS.escape(id)}"] ${part}`) ?? closer).focus();
	}

	/** Escape leaves what was begun with a conversation, then the panel. */
	function onKeydown(event) {
		if (event.key !== "Escape" || event.isComposing) return;
		event.preventDefault();
		const menu = event.target.closest(".menu");
		if (menu) drawAndFocus(menu.parentElement.dataset.id, ".more");
		else panel.close();
	}

	function row({ id, title, updated }, isCurrent) {
		const name = title || "이전 대화";
		const when = new Date(updated).toLocaleString("ko");
		const menu = el("div.menu", { hidden: "" });
		const more = el("button.quiet.more:conversation-menu", toggle, icon("more"));
		more.ariaLabel = `${name} 메뉴`;
		more.ariaExpanded = "false";
		const opens = el("button.conversation:conversation", choose, el("span", name), el("small", when));
		if (isCurrent) opens.ariaCurrent = "true";
		const cancel = el("button.quiet", () => drawAndFocus(id, ".more"), "취소");
		return el("li", { "data-id": id }, opens, more, menu);

		function choose() {
			if (!WIDE.matches) panel.close();
			open(id);
			if (panel.open) drawAndFocus(id, ".conversation");
		}

		function toggle() {
			menu.hidden = !menu.hidden;
			more.ariaExpanded = String(!menu.hidden);
			menu.replaceChildren(
				el("button.quiet:rename", askForName, "이름 바꾸기"),
				el("button.quiet:export-markdown", () => save("md"), "Markdown으로 저장"),
				el("button.quiet:export-json", () => save("json"), "JSON으로 저장"),
				el("button.quiet:delete", askWhetherToDelete, "삭제"),
			);
		}

		function tell(text) {
			menu.querySelector(".notice")?.remove();
			menu.append(notice("error", text));
		}

		function askForName() {
			const input = el("input:rename-input", { "aria-label": "대화 이름", maxlength: 80, value: name, required: "" });
			const form = el("form", input, el("button.main-button:rename-save", { type: "submit" }, "저장"), cancel);
			on(form, "submit", (event) => {
				event.preventDefault();
				const given = input.value.trim() || name;
				remember((state) => (state.list.find((other) => other.id === id).title = given));
				drawAndFocus(id, ".conversation");
			});
			menu.replaceChildren(form);
			input.select();
		}

		function askWhetherToDelete() {
			const yes = el("button.main-button.danger:delete-confirm", erase, "삭제");
			menu.replaceChildren(el("p", "이 대화를 삭제할까요? 되돌릴 수 없습니다."), yes, cancel);
			cancel.focus();
		}

		async function erase() {
			try {
				await deleteSession(id);
			} catch (error) {
				return tell(`대화를 삭제하지 못했습니다. ${whyNot(error)}`);
			}
			removed(id);
			forget(id);
			drawAndFocus(id, "");
			say(`${name} 대화를 삭제했습니다.`);
		}

		async function save(kind) {
			try {
				const turns = await fetchTurns(id);
				if (turns) download(kind, name, turns);
				else tell(GONE);
			} catch (error) {
				tell(whyNot(error));
			}
		}
	}

	// Not while somebody is in the middle of something there.
	return () => panel.open && !list.querySelector(".menu:not([hidden])") && draw();
}

/** A conversation as a file, without its ids: whoever has them can read and change what the server keeps. */
function download(kind, title, turns) {
	const content = kind === "md" ? asMarkdown(title, turns) : asJson(title, turns);
	const href = URL.createObjectURL(new Blob([content]));
	el("a", { href, download: `${title.replace(/[^\p{L}\p{N} ._-]/gu, "").trim() || "대화"}.${kind}` }).click();
	setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

function asMarkdown(title, turns) {
	const parts = turns.map(({ asked_at, message, answer, sources }) => {
		const cited = sources.map((source) => `- ${titleOf(source)}\n`).join("");
		const asked = `## 질문 (${new Date(asked_at).toLocaleString("ko")})\n\n${message.replace(/^/gm, "> ")}`;
		return `${asked}\n\n## 답변\n\n${answer}\n${cited && `\n참고한 FAQ\n\n${cited}`}`;
	});
	return `# ${title}\n\n${parts.join("\n")}`;
}

function asJson(title, turns) {
	return JSON.stringify({ title, turns: turns.map(({ turn_id, replaced_by, ...kept }) => kept) }, null, 2);
}
