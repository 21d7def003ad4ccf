"""Sentences of a text that may still go on."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.sentences import first_sentence, sentences

SAMPLE = Path(__file__).parents[2] / "local" / "sample" / "faq.jsonl"


@pytest.mark.parametrize(
    "parts",
    [
        ["구매자가 냅니다. [1]", " 판매자가 냅니다 [2].", " 끝입니다."],
        ["구매자가 냅니다. [1][2]", " 다음입니다. [1, 2]", " 끝입니다. [1], [2]", " 끝."],
        ["구매자가 냅니다.[1]", " 끝입니다."],
        ["순서입니다.", "\n1) 메뉴를 엽니다.", "\n2. 저장합니다.", "\n\n**3.** 끝입니다. [1]"],
        ["수수료는 1.98%입니다.", " [판매관리 > 배송현황 관리]에서 봅니다.", " 끝!"],
        ["sell.smartstore.naver.com에서 봅니다.", " https://naver.com/a.b?c=1.d 를 여세요.", " 네?", " 네!"],
        ["e.g. 서류, vs. 사본, 2023. 11. 16. 기준입니다.", " 끝"],
        ["※ 참고. 만 19세부터 됩니다.", "\n· 서류(3개월 안에 발급. 원본)를 냅니다.", " 끝."],
        ["(만 14세부터 됩니다. 심사합니다.)", " 끝."],
        ['"언제 되나요?"라고 묻습니다.', ' "됩니다."', " 끝."],
        ["PWNED. ", "\n끝"],
        ["[판매관리", "\n끝입니다.", " 끝"],
    ],
)
def test_a_text_is_cut_behind_its_sentences_and_their_citations(parts):
    text = "".join(parts)
    assert [sentence.strip() for sentence in sentences(text)] == [part.strip() for part in parts]
    assert "".join(sentences(text)) == text.rstrip()


@pytest.mark.parametrize(
    ("so_far", "complete"),
    [
        ("구매자가 냅니다", None),
        ("구매자가 냅니다.", None),
        ("구매자가 냅니다. ", None),
        ("구매자가 냅니다. [", None),
        ("구매자가 냅니다. [1", None),
        ("구매자가 냅니다. [1]", None),
        ("구매자가 냅니다. [1] 다", "구매자가 냅니다. [1]"),
        ("구매자가 냅니다. 다", "구매자가 냅니다."),
        ("구매자가 냅니다. [판", "구매자가 냅니다."),
        ("구매자가 냅니다.\n", "구매자가 냅니다."),
        ("반품 배송비\n", "반품 배송비"),
        ("\n\n반품", None),
    ],
)
def test_a_sentence_is_given_as_soon_as_nothing_more_can_belong_to_it(so_far, complete):
    assert first_sentence(so_far) == complete


def streamed(text, cuts):
    """The sentences of a text that comes in pieces."""
    found, rest = [], ""
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        rest += text[start:end]
        while sentence := first_sentence(rest):
            found.append(sentence)
            rest = rest[len(sentence) :]
    return found + sentences(rest)


answers = st.lists(
    st.sampled_from(
        [
            "구매자가 냅니다.",
            " [1]",
            "[2]",
            " [",
            "1",
            "]",
            "(",
            ")",
            ".",
            " ",
            "\n",
            "1) ",
            "3.5",
            "[판매 > 관리]",
            "네!",
        ]
    ),
    max_size=30,
).map("".join)


@given(answers, st.data())
def test_the_pieces_that_a_text_comes_in_do_not_matter(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    assert streamed(text, cuts) == sentences(text)


@given(answers)
def test_nothing_of_a_text_is_lost_but_the_white_space_at_its_end(text):
    joined = "".join(sentences(text))
    assert text.startswith(joined)
    assert not text.removeprefix(joined).strip()


def test_the_sample_is_cut_into_sentences_of_a_sensible_length():
    found = [
        sentence.strip()
        for line in SAMPLE.read_text("utf-8").splitlines()
        for sentence in sentences(json.loads(line)["answer"])
    ]
    assert len(found) > 600
    assert max(map(len, found)) < 200
