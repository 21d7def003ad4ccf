// The text of answers: a little Markdown, as a few kinds of elements. Every pattern takes linear time.

import { el } from "./dom.js";

// Not seen, but a text might read otherwise than it is written.
const UNSEEN = /[\0-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]/g;
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
	for (const line of text.replace(UNSEEN, "").split("\n").map((raw) => raw.trim())) {
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

/** Close what the last line opened, so that no raw marker flashes by while text arrives. */
export function closeMarkers(text) {
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
		if (strong) nodes.push(el("strong", ...inlineNodes(strong)));
		else if (code) nodes.push(el("code", code));
		else nodes.push(el("span.path", menu.trim()));
		end = found.index + found[0].length;
	}
	nodes.push(text.slice(end));
	return nodes;
}

function listItem(kind, { marker, text }) {
	// Markers are text: the numbers are the source's own, and a copied selection keeps them.
	return el("li", el("span.marker", kind === "bullets" ? "•" : marker), " ", ...inlineNodes(text));
}

function blockNode({ kind, items }) {
	if (kind in LISTS) return el(`${LISTS[kind]}.${kind}`, { role: "list" }, ...items.map((item) => listItem(kind, item)));
	const [{ marker, text }] = items;
	return el(`p.${kind}`, ...inlineNodes(marker ? `${marker} ${text}` : text));
}

/** Shows growing text; only blocks that changed are rebuilt, so that a selection further up survives. */
export class RichText {
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
}
