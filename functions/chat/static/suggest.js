// Questions that the FAQ offers: examples, and what fits while somebody types.

import { byId, el, on, say, titleOf } from "./dom.js";
import { fetchSuggestions } from "./stream.js";

const MIN_CHARS = 2;
const MAX_CHARS = 60; // whoever has written more is past choosing
const PAUSE_MS = 150;
const OFFERED = 5;
const EXAMPLES = [
	"미성년자도 판매 회원 등록이 가능한가요?",
	"스마트스토어 회원가입은 어떻게 하나요?",
	"판매 대금 정산은 언제 되나요?",
	"반품 배송비는 어떻게 설정하나요?",
];

const input = byId("composer");
const list = byId("suggestions");
let asking = new AbortController(); // the latest question for suggestions
let timer;
let chosen = -1;

/** `choose(text, faqId)` sends what is chosen, `enabled` says whether it may. */
export function offerSuggestions(choose, enabled) {
	on(input, "blur", closeSuggestions);
	on(input, "input", () => {
		clearTimeout(timer);
		asking.abort();
		const text = input.value.trim();
		if (text.length < MIN_CHARS || text.length > MAX_CHARS || !enabled()) closeSuggestions();
		else timer = setTimeout(() => suggest(text), PAUSE_MS);
	});

	async function suggest(text) {
		asking = new AbortController();
		const { signal } = asking;
		const found = await fetchSuggestions(text, OFFERED, signal).catch(() => []); // without them one types on
		if (signal.aborted) return;
		closeSuggestions();
		list.append(...found.map(option));
		list.hidden = !found.length;
		if (found.length) say(`추천 질문 ${found.length}개를 화살표 키로 고를 수 있습니다.`);
	}

	function option(suggestion, i) {
		const text = titleOf(suggestion);
		const attributes = { id: `suggestion-${i}`, role: "option", "aria-selected": "false" };
		const node = el("li:suggestion", attributes, () => choose(text, suggestion.faq_id), text);
		on(node, "pointerdown", (event) => event.preventDefault()); // the composer keeps the focus
		return node;
	}
}

export function closeSuggestions() {
	clearTimeout(timer);
	asking.abort();
	select(-1);
	list.hidden = true;
	list.replaceChildren();
}

function select(index) {
	list.children[chosen]?.setAttribute("aria-selected", "false");
	chosen = index;
	const option = list.children[index];
	option?.setAttribute("aria-selected", "true");
	option?.scrollIntoView({ block: "nearest" });
	if (option) input.setAttribute("aria-activedescendant", option.id);
	else input.removeAttribute("aria-activedescendant");
}

/** Whether a key was meant for the list. */
export function handledKey({ key }) {
	const step = { ArrowDown: 1, ArrowUp: -1 }[key];
	const places = list.children.length + 1;
	if (list.hidden) return false;
	if (step) select(((chosen + 1 + step + places) % places) - 1);
	else if (key === "Escape") closeSuggestions();
	else if (key === "Enter" && chosen >= 0) list.children[chosen].click();
	else return false;
	return true;
}

/** Examples of the FAQ's own topics, once they come. */
export async function showExamples(choose) {
	const places = byId("examples");
	const show = (examples) => {
		if (!examples.length || places.contains(document.activeElement)) return;
		const shown = examples.map(({ faq_id, ...it }) => el("button.example:example", () => choose(titleOf(it), faq_id), titleOf(it)));
		places.replaceChildren(...shown.map((node) => el("li", node)));
	};
	show(EXAMPLES.map((question) => ({ question })));
	show(await fetchSuggestions("", EXAMPLES.length).catch(() => []));
}
