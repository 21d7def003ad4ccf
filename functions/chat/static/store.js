// What this browser remembers.

const KEY = "faqchat.conversations";
const FORMER_KEY = "faqchat.session"; // one session id, from when there was no list
const KEPT = 100;
const TITLE_CHARS = 40;

let unstored = { current: null, list: [], turn: null }; // where storage is blocked

/** The id of the open conversation, all of them, newest first, and the turn that is under way. */
export function recall() {
	try {
		const state = JSON.parse(localStorage.getItem(KEY));
		if (state?.list) return state;
		const id = localStorage.getItem(FORMER_KEY);
		return { current: id, list: id ? [{ id, title: "", updated: Date.now() }] : [], turn: null };
	} catch {
		return unstored;
	}
}

export function remember(change) {
	unstored = recall(); // another tab may have written meanwhile
	if (typeof change === "function") change(unstored);
	else Object.assign(unstored, change);
	try {
		localStorage.setItem(KEY, JSON.stringify(unstored));
		localStorage.removeItem(FORMER_KEY);
	} catch {
		// as above
	}
}

/** A conversation goes on. Its first message is its title until it is given another. */
export function touch(id, message, updated = Date.now()) {
	remember((state) => {
		const known = state.list.find((other) => other.id === id);
		const others = state.list.filter((other) => other !== known);
		const list = [{ id, title: known?.title || shortened(message), updated }, ...others];
		state.list = list.sort((one, other) => other.updated - one.updated).slice(0, KEPT);
	});
}

export function forget(id) {
	remember((state) => {
		state.list = state.list.filter((other) => other.id !== id);
		if (state.current === id) state.current = null;
	});
}

function shortened(message) {
	const letters = [...message.replace(/\s+/g, " ")];
	return letters.length > TITLE_CHARS ? `${letters.slice(0, TITLE_CHARS).join("")}…` : letters.join("");
}
