"""Keyword indexes that were stored find exactly what those that are built find; what cannot be trusted is not read."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat import bootstrap
from faqchat.adapters.bm25 import Bm25Index
from faqchat.adapters.faq_files import read_faq_file
from faqchat.adapters.keyword_file import LAYOUT, KeywordFile
from faqchat.catalogue import TITLE_WEIGHT, Catalogue, index_keywords
from faqchat.faq import Entry
from faqchat.index import IndexSnapshot, Keywords
from faqchat.ingest import clean
from faqchat.tokens import VERSION, tokens

ROOT = Path(__file__).parents[2]
SAMPLE = clean(read_faq_file(ROOT / "tests" / "e2e" / "faq.jsonl"), {}).entries
ENTRIES = {entry.faq_id: entry.model_copy(update={"utterances": (f"{entry.title} 궁금해요",)}) for entry in SAMPLE}
ASKED = [
    "미성년자 서류",
    "돈 언제 들어와요",
    "손님이 반품했어요",
    "xyz 없는말",
    "",
    *(entry.question for entry in SAMPLE),
]
INDEXED = (1, 3, 1, "73a2458e450f9415")


@pytest.fixture(scope="module")
def file():
    return KeywordFile(tokens, bootstrap.sellers_words())


@pytest.fixture(scope="module")
def packed(file):
    return file.pack(ENTRIES)


def said(keywords: Keywords):
    return [
        (index.search(text, 100), index.unknown_share(text))
        for index in (keywords.whole, keywords.asked)
        for text in ASKED
    ]


def test_stored_indexes_say_exactly_what_built_ones_say(file, packed):
    assert said(file.unpack(packed, ENTRIES)) == said(index_keywords(ENTRIES, bootstrap.lexical_index))


def test_a_catalogue_takes_the_indexes_that_come_with_its_snapshot(file, packed):
    def never(documents):
        raise AssertionError("nothing has to be built")

    stored = file.unpack(packed, ENTRIES)
    catalogue = Catalogue.build(IndexSnapshot(None, ENTRIES, stored), never)
    assert (catalogue.whole, catalogue.asked) == stored
    with pytest.raises(AssertionError):
        Catalogue.build(IndexSnapshot(None, ENTRIES, stored).without_utterances(), never)


def test_indexes_of_other_entries_are_not_taken(file, packed):
    first, *others = ENTRIES
    assert file.unpack(packed, {faq_id: ENTRIES[faq_id] for faq_id in others}) is None
    assert file.unpack(packed, {faq_id: ENTRIES[faq_id] for faq_id in (*others, first)}) is None


@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_damaged_file_is_not_taken_or_says_the_same(file, packed, place, cut):
    at = int(place * len(packed))
    damaged = packed[:at] if cut else packed[:at] + bytes([packed[at] ^ 255]) + packed[at + 1 :]
    found = file.unpack(damaged, ENTRIES)
    assert found is None or said(found) == said(file.unpack(packed, ENTRIES))


def test_damage_in_the_header_of_an_array_is_not_taken(file, packed):
    """Numpy tokenizes a header as Python text: half a string in it is an error of another kind."""
    start, end = packed.index(b"{'descr'"), packed.index(b"}", packed.index(b"{'descr'"))
    for at in range(start, end + 1):
        assert file.unpack(packed[:at] + bytes([packed[at] ^ 255]) + packed[at + 1 :], ENTRIES) is None


@pytest.mark.parametrize("content", [b"", b"no zip", b"\x93NUMPY\x01\x00"], ids=["empty", "no zip", "one array"])
def test_what_is_no_such_file_is_not_taken(file, content):
    assert file.unpack(content, ENTRIES) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole.indices", lambda old: old + len(ENTRIES)),
        ("whole.indices", lambda old: -1 - old),
        ("whole.indptr", lambda old: old[::-1]),
        ("whole.indptr", lambda old: old[:-1]),
        ("whole.data", lambda old: old[:-1]),
        ("whole.data", lambda old: old.astype(np.float64)),
        ("asked.vocabulary", lambda old: old[: len(old) // 2]),
        ("asked.ids", lambda old: old[:-13]),
        ("asked.ids", lambda old: np.array(["0" * 12], dtype=object)),
    ],
)
def test_arrays_that_do_not_fit_together_are_not_taken(file, packed, name, value):
    with np.load(io.BytesIO(packed)) as stored:
        arrays = dict(stored)
    arrays[name] = value(arrays[name])
    changed = io.BytesIO()
    np.savez(changed, **arrays)
    assert file.unpack(changed.getvalue(), ENTRIES) is None


@pytest.mark.parametrize("question", [None, "…"], ids=["no entries", "no words"])
def test_an_index_of_nothing_is_stored_as_well(file, question):
    entries = {"a": Entry(faq_id="a", question=question, answer="…", content_hash="")} if question else {}
    keywords = file.unpack(file.pack(entries), entries)
    assert (keywords.whole.search("배송", 5), keywords.whole.unknown_share("배송")) == ([], 1.0)


@given(
    st.lists(st.text("가나다라 ab1", min_size=1, max_size=12), min_size=1, max_size=6),
    st.text("가나다라 ab1", max_size=8),
)
def test_whatever_the_texts_stored_indexes_say_the_same(texts, asked):
    built = Bm25Index([(f"{number}", tokens(text)) for number, text in enumerate(texts)], tokens)
    stored = Bm25Index.restored(built.arrays, tokens, lambda _: ())
    assert stored.search(asked, 10) == built.search(asked, 10)
    assert stored.unknown_share(asked) == built.unknown_share(asked)


def test_whatever_else_is_indexed_has_another_format():
    """Where this fails, raise `tokens.VERSION` or `LAYOUT`, so that stored indexes of before are not read."""
    indexed = []
    index_keywords(ENTRIES, indexed.append)
    digest = hashlib.sha256(repr(indexed).encode()).hexdigest()[:16]
    assert (LAYOUT, TITLE_WEIGHT, VERSION, digest) == INDEXED
