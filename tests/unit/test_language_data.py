"""The word lists that ship with the product are well formed, and none was copied from the questions it is judged by."""

import json
import re
import unicodedata
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from faqchat.adapters.faq_files import read_faq_file, read_utterances
from faqchat.faq import MAX_QUESTION_CHARS, normalize
from faqchat.lexicon import load_lexicon
from faqchat.scope import load_gate, scope_banks

ROOT = Path(__file__).parents[2]
LANGUAGE = files("faqchat").joinpath("language")
UTTERANCES = read_utterances(ROOT / "local/data/utterances.jsonl")
SAMPLE = read_faq_file(ROOT / "local/sample/faq.jsonl")
QUALITY = sorted((ROOT / "tests/quality").glob("*.jsonl"))


def folded(text):
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text)).casefold()


def lexicon_rows():
    lines = LANGUAGE.joinpath("lexicon.tsv").read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]


def asked(path):
    """What the messages of a question file say, folded."""
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        turns = [turn["content"] for turn in row.get("turns", row.get("history", ())) if turn["role"] == "user"]
        yield from (folded(message) for message in (*turns, *filter(None, [row.get("query")])))


def repeated(texts):
    return [text for text, count in Counter(texts).items() if count > 1]


WRITTEN = {
    "utterances": [text for texts in UTTERANCES.values() for text in texts],
    "utterances of the sample": [text for row in SAMPLE for text in row.utterances],
    "phrases of the lexicon": [phrase for phrase, *_ in lexicon_rows() if " " in phrase],  # one word is vocabulary
    **{f"bank {kind}": lines for kind, lines in scope_banks().items()},
}


@pytest.mark.parametrize("path", QUALITY, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_that_ships_repeats_a_question_that_it_is_judged_by(name, path):
    questions = set(asked(path))
    assert [text for text in WRITTEN[name] if folded(text) in questions] == []


def test_there_are_questions_to_be_judged_by():
    assert sum(len(list(asked(path))) for path in QUALITY) > 300


def test_every_line_of_the_lexicon_is_a_phrase_and_what_it_stands_for():
    assert [
        row for row in lexicon_rows() if len(row) != 2 or not all(normalize(cell) == cell != "" for cell in row)
    ] == []


def test_no_phrase_of_the_lexicon_stands_twice():
    assert repeated(phrase for phrase, _ in load_lexicon().pairs) == []


def test_what_a_phrase_stands_for_is_found_by_it():
    lexicon = load_lexicon()
    assert [phrase for phrase, meaning in lexicon.pairs if meaning not in lexicon.expand(phrase)] == []


@pytest.mark.parametrize("kind", scope_banks())
def test_lines_of_a_bank_are_clean_short_and_different(kind):
    lines = scope_banks()[kind]
    assert [line for line in lines if normalize(line) != line or len(line) > MAX_QUESTION_CHARS] == []
    assert repeated(map(folded, lines)) == []


def test_no_message_is_in_both_banks_or_declined_though_an_entry_answers_it():
    declined = {folded(line) for line in scope_banks()["out_of_scope"]}
    for name in ("bank in_scope", "utterances", "utterances of the sample"):
        assert [text for text in WRITTEN[name] if folded(text) in declined] == []


def test_every_entry_with_utterances_has_different_and_clean_ones():
    assert len(UTTERANCES) > 2_000
    unclean = [text for text in WRITTEN["utterances"] if normalize(text) != text or not folded(text) or len(text) > 200]
    assert unclean == []
    assert [faq_id for faq_id, texts in UTTERANCES.items() if not texts or repeated(map(folded, texts))] == []


def test_no_utterance_belongs_to_many_entries():
    counts = Counter(folded(text) for text in WRITTEN["utterances"])
    assert [text for text, count in counts.items() if count > 3] == []


def test_patterns_match_something_but_not_everything():
    for name, pattern in load_gate().patterns.items():
        assert not pattern.search(""), name
        assert any(map(pattern.search, scope_banks()["out_of_scope"])), name
        assert (
            sum(bool(pattern.search(line)) for line in scope_banks()["in_scope"]) < len(scope_banks()["in_scope"]) / 5
        )
