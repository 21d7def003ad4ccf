// What the page is made of. Text from the server enters it here, and only as text nodes.

const ICONS = {
	again: "M19 12a7 7 0 1 1-2-5l2 2m0-4.5V9h-4.5",
	check: "m5 12.5 4.5 4.5L19 7.5",
	close: "m6 6 12 12M18 6 6 18",
	copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
	down: "m6 9 6 6 6-6",
	list: "M5 7h14M5 12h14M5 17h9",
	more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
	plus: "M12 5v14M5 12h14",
	send: "M12 19V5m0 0-6 6m6-6 6 6",
	stop: "M8 8h8v8H8z",
	store: "M4 11l2-6h12l2 6zM6 11v8h12v-8M10 19v-4h4v4",
	thumb: "M7.5 20v-9l4-7.5c1.8 0 2.6 1.2 2.3 2.8L13.2 10h4.6a2 2 0 0 1 2 2.4l-1.2 6a2 2 0 0 1-2 1.6H4.5v-9h3",
};

export const byId = (id) => document.getElementById(id);
export const on = (node, event, act) => node.addEventListener(event, act);

/** `li.tag:name` has a class, and a name for tests. Strings and nodes are content, functions for clicks, objects attributes. */
export function el(kind, ...parts) {
	const [, tag, className, name] = /^(\w+)(?:\.([\w. -]+))?(?::([\w-]+))?$/.exec(kind);
	const node = document.createElement(tag);
	if (tag === "button") node.type = "button";
	if (className) node.className = className.replaceAll(".", " ");
	if (name) node.dataset.testid = name;
	for (const part of parts) {
		if (typeof part === "string" || part instanceof Node) node.append(part);
		else if (typeof part === "function") on(node, "click", part);
		else setAttributes(node, part);
	}
	return node;
}

function setAttributes(node, attributes) {
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	return node;
}

export function icon(name) {
	const make = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
	const svg = setAttributes(make("svg"), { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" });
	svg.append(setAttributes(make("path"), { d: ICONS[name] }));
	return svg;
}

/** `kind` is an outcome or what is wrong; only an error interrupts a screen reader. */
export function notice(kind, text, retry) {
	const node = el("div.notice:notice", { "data-kind": kind, ...(kind === "error" && { role: "alert" }) }, el("p", text));
	if (retry) node.append(el("button.quiet.retry:retry", retry, "다시 시도"));
	return node;
}

export const say = (text) => (byId("status").textContent = text);

/** Not on touch screens, where focus would raise the keyboard over the answer. */
export function focusComposer() {
	if (matchMedia("(pointer: fine)").matches) byId("composer").focus({ preventScroll: true });
}

/** A question without the `[…]` labels that are shown as tags. */
export function titleOf({ question, tags = [] }) {
	const withoutLabel = (title, tag) => (title.startsWith(`[${tag}]`) ? title.slice(tag.length + 2).trim() : title);
	return tags.reduce(withoutLabel, question) || question;
}

const BOTTOM_SLACK_PX = 48; // nearer to the end is "at the bottom"
const root = document.documentElement;
const endOfPage = () => root.scrollHeight - innerHeight;
const atBottom = () => endOfPage() - scrollY < BOTTOM_SLACK_PX;

/** Change the page and, if the seller was reading its end, go along with it. */
export function keepInView(change) {
	const follow = atBottom();
	change();
	if (follow) scrollTo(0, followTarget());
	updateJump();
}

/** The end, but a long answer stops where its question meets the top: one reads from the beginning. */
function followTarget() {
	const question = [...document.querySelectorAll(".message-user")].at(-1);
	if (!question) return endOfPage();
	const questionTop = question.getBoundingClientRect().top + scrollY - parseFloat(getComputedStyle(root).scrollPaddingTop);
	return scrollY > questionTop + 1 ? endOfPage() : Math.min(endOfPage(), questionTop);
}

export function scrollToEnd() {
	scrollTo(0, endOfPage());
	updateJump();
}

export const updateJump = () => (byId("jump").hidden = atBottom());

for (const node of document.querySelectorAll("[id]")) node.dataset.testid ??= node.id;
for (const node of document.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
on(byId("jump"), "click", scrollToEnd);
on(window, "scroll", updateJump);
on(window, "resize", updateJump);
