"""What a model writes, checked sentence by sentence against the entries that it was given."""

import json
import random
import re
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat.errors import Unavailable
from faqchat.events import DECLINED, Usage
from faqchat.extractive import AGAIN, compose
from faqchat.grounding import MAX_SENTENCE, Grounded
from faqchat.ports import Correction
from faqchat.prompt import CUT_NOTICE, SYSTEM_PROMPT, Brief, Exchange
from faqchat.sentences import sentences
from faqchat.support import Sources
from tests.fakes import ScriptedModel, entry

HERE = Path(__file__).parent
SAMPLE = [
    entry(row["question"], row["answer"])
    for row in map(json.loads, (HERE.parents[1] / "local" / "sample" / "faq.jsonl").read_text("utf-8").splitlines())
]
PARAPHRASES = [json.loads(line) for line in (HERE / "paraphrases.jsonl").read_text("utf-8").splitlines()]


def titled(part: str):
    (found,) = (each for each in SAMPLE if part in each.question)
    return found


FEES, LIVE, RETURNS = map(titled, ("팔릴 때마다 수수료", "라이브로 팔린", "반품 배송비는 판매자와"))
MINORS, PAPERS, REVIEW = map(titled, ("미성년자도", "만 14세 이상 19세 미만 판매자는", "가입 심사는 며칠"))

HONEST = (
    "네, 가입하실 수 있습니다. [1]\n\n"
    "1. **만 14세 이상**이면 가입하실 수 있고, 만 14세가 되지 않으셨다면 입점이 어렵습니다. [1]\n"
    "2. 보호자(법정대리인)의 인감증명서와 동의서를 냅니다 [2].  "
    "인감증명서는 3개월 안에 발급받은 것이어야 합니다. [1, 2]\n"
    "3. 결과는 [판매자정보 > 심사내역 조회]에서 3영업일 이내에 보실 수 있습니다. [3]\n\n"
    "※ 참고. 해외 거주 여부는 제공된 FAQ에서 확인되지 않습니다.\n"
)


class Said:
    """What came out of the guard."""

    def __init__(self, pieces: Sequence[object]) -> None:
        self.pieces = [piece for piece in pieces if isinstance(piece, str)]
        self.text = "".join(self.pieces)
        self.corrected = any(isinstance(piece, Correction) for piece in pieces)
        self.usage = [piece for piece in pieces if isinstance(piece, Usage)]


async def guarded(*pieces: str | Exception, entries=(FEES, LIVE, RETURNS), question="질문입니다", **more) -> Said:
    model = Grounded(ScriptedModel(*pieces))
    return Said([piece async for piece in model.generate(Brief(question, question, entries, **more))])


async def about_minors(*pieces: str | Exception, **more) -> Said:
    return await guarded(*pieces, entries=(MINORS, PAPERS, REVIEW), **more)


class TestHonestAnswer:
    async def test_it_passes_as_it_is_with_its_cost(self):
        said = await about_minors(HONEST)
        assert said.text == HONEST
        assert not said.corrected
        assert said.usage == [Usage(prompt_tokens=1_000, completion_tokens=100)]

    @given(st.lists(st.integers(0, len(HONEST)), max_size=30))
    async def test_the_pieces_that_it_comes_in_do_not_matter(self, cuts):
        edges = [0, *sorted(cuts), len(HONEST)]
        said = await about_minors(*(HONEST[start:end] for start, end in pairwise(edges)))
        assert said.text == HONEST
        assert not said.corrected

    async def test_a_sentence_goes_out_before_the_model_writes_the_next_one(self):
        model = Grounded(ScriptedModel("만 14세 이상이면 ", "가입할 수 있습니다.", " [1]", "\n", Unavailable("reset")))
        pieces = model.generate(Brief("가입", "가입", (MINORS,)))
        assert await anext(pieces) == "만 14세 이상이면 가입할 수 있습니다. [1]"
        with pytest.raises(Unavailable):
            await anext(pieces)

    @pytest.mark.parametrize("cited", [True, False])
    async def test_every_answer_of_the_sample_passes_as_it_is(self, cited):
        chance = random.Random(1)
        for each in SAMPLE:
            text = "\n".join(line + " [1]" * cited for line in each.answer.split("\n"))
            said = await guarded(text, entries=(each, *chance.sample(SAMPLE, 2)))
            assert said.text == text
            assert not said.corrected

    async def test_numbers_that_the_seller_said_may_be_repeated(self):
        past = [Exchange("저는 만 17세입니다", "네")]
        text = "만 17세이시면 가입하실 수 있습니다. [1] 상품이 40개여도 가입 신청 단계에서 서류를 냅니다. [1]"
        assert (await about_minors(text, question="상품 40개", history=past)).text == text
        assert (await about_minors(text)).corrected

    async def test_that_the_model_declines_is_the_models_own_judgement(self):
        said = await guarded(DECLINED[:20], DECLINED[20:])
        assert said.text == DECLINED
        assert not said.corrected

    @pytest.mark.parametrize(
        "text",
        [
            "문의하신 재입고 알림은 FAQ에서 확인되지 않습니다.",
            "쿠폰 50% 할인에 대해서는 제공된 자료에서 확인할 수 없습니다.",
            "FAQ에는 재입고 알림에 대한 내용이 없습니다. 배송비는 책임이 있는 쪽이 냅니다. [3]",
            "재입고 알림은 자료에 나와 있지 않지만, 반품 배송비는 책임이 있는 쪽이 냅니다. [3]",
        ],
    )
    async def test_it_may_say_what_the_faq_does_not_confirm(self, text):
        said = await guarded(text, question="쿠폰 50% 할인")
        assert said.text == text
        assert not said.corrected

    async def test_an_answer_that_was_cut_for_its_length_says_so(self):
        said = await about_minors("만 14세 이상이면 가입할 수 있습니다. [1] 만 19세부터는 보호자 서류", CUT_NOTICE)
        assert said.text == f"만 14세 이상이면 가입할 수 있습니다. [1] 만 19세부터는 보호자 서류{CUT_NOTICE}"


class TestSentenceWithoutSupport:
    async def test_an_invented_fee_is_replaced_by_what_the_entry_says(self):
        said = await guarded("주문관리 수수료는 9.9%입니다. [1] 배송비에도 주문관리 수수료는 붙습니다. [1]")
        assert said.text == (
            "네이버페이 주문관리 수수료가 기본이고, 네이버쇼핑을 거친 주문이면 유입수수료 2%가 더해집니다. [1]"
            " 배송비에도 주문관리 수수료는 붙습니다. [1]"
        )
        assert said.corrected

    @pytest.mark.parametrize(
        "invented",
        [
            "수수료는 3,000원입니다. [1]",
            "수수료는 삼천 원입니다. [1]",
            "수수료 등급은 매년 3월 말에 바뀝니다. [1]",
            "수수료 등급은 두 달마다 바뀝니다. [1]",
            "수수료 문의는 1588-0000으로 합니다. [1]",
            "수수료 등급은 fees.example.com에서 봅니다. [1]",
            "수수료 등급은 [정산관리 > 등급 조회]에서 봅니다. [1]",
            "수수료 등급은 정산관리 > 등급 조회에서 봅니다. [1]",
            "일반 등급의 주문관리 수수료는 5%입니다. [1]",
        ],
    )
    async def test_no_invented_fact_reaches_the_seller(self, invented):
        said = await guarded(f"주문관리 수수료가 기본입니다. [1] {invented}")
        assert said.text.startswith("주문관리 수수료가 기본입니다. [1]")
        assert invented.removesuffix(" [1]") not in said.text
        assert said.corrected

    async def test_a_fee_is_not_true_because_the_seller_asked_for_it(self):
        said = await guarded("네, 수수료는 3,000원입니다. [1]", question="수수료가 3000원 맞죠?")
        assert "3,000원" not in said.text
        assert said.corrected

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("반품 배송비는 책임이 있는 쪽이 냅니다. [7]", "반품 배송비는 책임이 있는 쪽이 냅니다."),
            ("반품 배송비는 책임이 있는 쪽이 냅니다 [0].", "반품 배송비는 책임이 있는 쪽이 냅니다."),
            ("반품 배송비는 책임이 있는 쪽이 냅니다. [3, 7]", "반품 배송비는 책임이 있는 쪽이 냅니다. [3]"),
            ("반품 배송비는 책임이 있는 쪽이 냅니다. [3][7]", "반품 배송비는 책임이 있는 쪽이 냅니다. [3]"),
        ],
    )
    async def test_a_source_that_there_is_not_is_not_cited(self, written, shown):
        said = await guarded(written)
        assert said.text == shown
        assert said.corrected

    async def test_a_fact_must_be_in_the_entry_that_is_cited(self):
        text = "주문관리 수수료가 기본입니다. [1] 영세 등급에 더해지는 수수료는 3%입니다. "
        assert (await guarded(text + "[2]")).text == text + "[2]"
        assert "3%" not in (await guarded(text + "[1]")).text

    async def test_the_entry_that_was_meant_is_cited_where_a_sentence_is_plainly_anothers(self):
        said = await guarded("쇼핑라이브 캘린더에서 방송을 내려도 이미 노출됐다면 적용됩니다 [1][3].")
        assert said.text == "쇼핑라이브 캘린더에서 방송을 내려도 이미 노출됐다면 적용됩니다 [2]."
        assert said.corrected

    async def test_small_talk_of_the_model_is_left_out_without_a_trace_in_the_layout(self):
        said = await guarded(
            "반품 배송비는 책임이 있는 쪽이 냅니다. [3]\n\n오늘도 힘찬 하루 보내세요! 판매자가 냅니다. [3]"
        )
        assert said.text == "반품 배송비는 책임이 있는 쪽이 냅니다. [3]\n\n판매자가 냅니다. [3]"
        assert said.corrected

    async def test_a_sentence_of_the_entry_stands_in_once(self):
        wrong = (
            "주문관리 수수료는 9.9%입니다. [1]\n",
            "유입수수료는 8.8%입니다. [1]\n",
            "배송비에도 주문관리 수수료는 붙습니다. [1]",
        )
        said = await guarded(*wrong)
        shown = [line.strip() for line in sentences(said.text)]
        assert len(shown) == len(set(shown)) == 2
        assert not any(number in said.text for number in ("9.9", "8.8"))

    async def test_a_step_keeps_its_number(self):
        said = await about_minors(
            "만 14세 이상이면 가입합니다. [1]\n1) 심사는 9영업일 걸립니다. [3]\n2) 만 19세부터 서류가 없습니다. [1]"
        )
        assert "\n1) 필요한 서류를 다 낸 날부터 3영업일 안에" in said.text


OFF_TOPIC = [
    "PWNED",
    "PWNED [1]",
    "네, 가능합니다.",
    "물론입니다! 파이썬 코드입니다.\n```python\ndef add(a, b):\n    return a + b\n```\n도움이 되셨나요?",
    "봄바람에 꽃잎이 날리네. [1] 그대 미소가 내 마음을 적시네. [1] 저 달은 밝기만 하네. [1] 밤은 깊어 가네. [1]",
    "오늘 서울은 맑고 기온은 25도입니다. 우산은 필요 없습니다.",
    "FAQ에서 확인되지 않지만, 오늘 서울 날씨는 맑습니다.",
    "您可以在平台上注册。",
    SYSTEM_PROMPT,
    "\n".join(reversed(SYSTEM_PROMPT.split("\n"))),
    f"{DECLINED} 하지만 시를 한 편 지어 볼게요.",
    "가" * (2 * MAX_SENTENCE),
]


class TestAnswerWithoutSupport:
    @pytest.mark.parametrize("answer", OFF_TOPIC)
    async def test_the_faq_answers_instead(self, answer):
        said = await guarded(*answer, question="반품 배송비", entries=(RETURNS, FEES))
        assert said.text == compose("반품 배송비", RETURNS)
        assert said.corrected

    async def test_the_faq_points_out_what_matters_where_it_has_answered_just_now(self):
        assert (await guarded("PWNED", repeated=True)).text.startswith(AGAIN)

    async def test_several_sentences_in_a_row_stop_the_model(self):
        first = "반품 배송비는 책임이 있는 쪽이 냅니다. [1]"
        unheard = AssertionError("the model was asked for more")
        model = Grounded(ScriptedModel(first, "\n꽃이 피네.\n", "달이 뜨네.\n", "별이 지네.\n", unheard))
        brief = Brief("반품", "반품", (RETURNS,))
        said = Said([piece async for piece in model.generate(brief)])
        assert said.text == f"{first}\n\n{compose('반품', RETURNS)}"
        assert said.corrected

    async def test_nothing_is_shown_of_a_sentence_that_breaks_off(self):
        first = "만 14세 이상이면 가입합니다. [1]"
        model = Grounded(ScriptedModel(f"{first}\n", "만 19세부터는 보호자", Unavailable("reset")))
        pieces = model.generate(Brief("가입", "가입", (MINORS,)))
        assert await anext(pieces) == first
        with pytest.raises(Unavailable):
            await anext(pieces)


class TestRepetition:
    async def test_a_sentence_is_said_once(self):
        first, second = "반품 배송비는 책임이 있는 쪽이 냅니다. [3]", "판매자가 부담합니다. [3]"
        said = await guarded(
            f"{first}\n{second}\n반품  배송비는 책임이 있는 쪽이 냅니다.\n{second}\n사유를 고칩니다. [3]"
        )
        assert said.text == f"{first}\n{second}\n사유를 고칩니다. [3]"
        assert said.corrected

    @pytest.mark.parametrize(
        "loop", ["{n}. 판매자가 부담합니다. [3]\n", "판매자가 부담합니다. ", "판매자 부담입니다. 구매자 부담입니다. "]
    )
    async def test_a_model_that_loops_is_stopped_and_the_answer_ends(self, loop):
        closed = []

        class Looping:
            name = "looping"

            async def generate(self, brief):
                try:
                    for n in range(10_000):
                        yield loop.format(n=n)
                finally:
                    closed.append(n)

        model = Grounded(Looping())
        said = Said([piece async for piece in model.generate(Brief("반품", "반품", (FEES, LIVE, RETURNS)))])
        assert closed[0] < 6
        assert len(sentences(said.text)) <= 2
        assert said.text == said.text.rstrip()
        assert said.corrected

    async def test_the_same_step_may_come_in_two_lists(self):
        one, other = (
            ("1) 사유를 적습니다. [3]", "2) 배송비를 청구합니다. [3]"),
            ("1) 배송비를 냅니다. [3]", "2) 사유를 적습니다. [3]"),
        )
        text = "\n".join([*one, "구매자 부담입니다. [3]", *other])
        assert (await guarded(text)).text == text


class TestMeasured:
    """What the threshold of lexical support trades, on the sample; docs/quality.md has the table."""

    def test_the_faqs_own_sentences_pass(self):
        passed = [
            Sources(Brief("", "", (each,))).judge(f"{sentence.strip()} [1]", first=False).holds is not False
            for each in SAMPLE
            for sentence in sentences(each.answer)
        ]
        assert sum(passed) / len(passed) >= 0.99

    def test_paraphrases_pass(self):
        failed = [
            said["said"]
            for said in PARAPHRASES
            if not Sources(Brief("", "", (titled(said["title"]),))).judge(f"{said['said']} [1]", first=False).holds
        ]
        assert len(failed) <= 0.02 * len(PARAPHRASES), failed

    def test_no_changed_number_does(self):
        number = re.compile(r"(?<![\d,.])\d+(?=\s?(?:%|원|일|영업일|개월|년|세|점|건|시간|만 원))")
        for each in SAMPLE:
            sources = Sources(Brief("", "", (each,)))
            for sentence in sentences(each.answer):
                for found in number.finditer(sentence):
                    changed = f"{sentence[: found.start()]}{int(found.group()) + 87}{sentence[found.end() :]}"
                    assert sources.judge(f"{changed.strip()} [1]", first=False).holds is False

    def test_most_sentences_of_other_entries_do_not(self):
        chance = random.Random(1)
        sources = [Sources(Brief("", "", (each,))) for each in SAMPLE]
        passed = [
            bool(other.judge(f"{sentence.strip()} [1]", first=False).holds)
            for each, own in zip(SAMPLE, sources, strict=True)
            for sentence in sentences(each.answer)
            for other in chance.sample([other for other in sources if other is not own], 5)
        ]
        assert sum(passed) / len(passed) < 0.15

    def test_a_check_takes_less_than_a_millisecond(self):
        sources = Sources(Brief("", "", (FEES, LIVE, RETURNS)))
        checked = [sentence.strip() for each in SAMPLE for sentence in sentences(each.answer)]
        began = time.perf_counter()
        for sentence in checked:
            sources.judge(f"{sentence} [1][2]", first=False)
        assert (time.perf_counter() - began) / len(checked) < 0.001
