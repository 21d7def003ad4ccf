"""Utterances written over real HTTP: what a model does wrong costs its entry only, what was paid for is kept."""

import pytest

from faqchat import bootstrap
from faqchat.adapters.openai_chat import OpenAIChat
from faqchat.adapters.written_file import WrittenFile
from faqchat.expand import Expansion, completed, plan
from faqchat.ingest import clean
from faqchat.retriever import Retriever
from tests.author import BARE, Author, lines
from tests.fakes import World
from tests.scripted_openai import answer, failure, hang, raw, reset, truncate

FEE = "판매 대금에서 빠지는 수수료는 몇 퍼센트인가요"
COSTS = "상품 배송비를 조건부 무료로 정하는 방법"
SHIPPING = "송장번호를 넣고 발송처리하는 메뉴 위치"
ASKED = ("판매 수수료", "배송비는 어떻게", "발송처리", "계좌를 바꾸고")


class Shop:
    """A published FAQ, a model that writes, and the record between one run and the next."""

    def __init__(self, world, author, path):
        self.world = world
        self.author = author
        self.file = WrittenFile(path)
        self.model = "author"

    async def expand(self, rows=BARE, only=ASKED):
        """One run of `ingest --expand` on the entries with these words, as the command line does it."""
        entries = clean(rows, {}).entries
        todo = plan(entries, self.file.read(), self.model).todo
        self.author.exchanges.clear()
        writer = OpenAIChat(
            model=self.model, base_url=self.author.base_url, api_key="", timeout_s=2.0, max_tokens=100, retries=0
        )
        retriever = Retriever(self.world.embedder, self.world.vectors)
        expansion = Expansion(writer, retriever, self.world.snapshots, bootstrap.lexical_index)
        try:
            return await expansion.run(
                [entry for entry in todo if any(words in entry.question for words in only)], self.file.append
            )
        finally:
            await writer.aclose()

    async def ingest(self, rows=BARE):
        """Any later ingest of the same file."""
        utterances = completed(clean(rows, {}).entries, {}, self.file.read())
        await self.world.ingest.run(rows, utterances, "test", lambda done, total, kinds: None)

    def asked(self):
        """Which of the entries were asked for, in the order of ASKED."""
        return [words for words in ASKED for question in self.author.questions if words in question]


@pytest.fixture
async def shop(tmp_path):
    with Author() as author:
        author.writes = {
            "판매 수수료": lines(FEE),
            "배송비는 어떻게": lines(COSTS),
            "발송처리": lines(SHIPPING),
            "계좌를 바꾸고": lines("정산 계좌 예금주 변경"),
        }
        yield Shop(await World().ingested(*BARE), author, tmp_path / "written.jsonl")


async def test_what_was_written_finds_its_entry_after_the_next_ingest_and_is_not_asked_again(shop):
    slang = "떼가는 돈 몇 프로"  # shares no word with any entry: it is of use only once it is embedded
    shop.author.writes["판매 수수료"] = lines(FEE, f"{FEE} {slang}")
    outcome = await shop.expand()
    assert (outcome.asked, outcome.kept, outcome.usage.prompt_tokens) == (4, 5, 4 * 900)
    await shop.ingest()
    (fee,) = (entry for entry in clean(BARE, {}).entries if "판매 수수료" in entry.question)
    events = await shop.world.ask(slang)
    assert events[1].sources[0].faq_id == fee.faq_id

    again = await shop.expand()
    assert (again.asked, shop.author.exchanges) == (0, [])


@pytest.mark.parametrize(
    "poison",
    [
        failure(429, "rate_limit_exceeded"),
        failure(500),
        answer(hang()),
        answer("판매 ", reset()),
        answer("판매 ", truncate(), finish=None),
        answer(raw(b"data: {not json\n\n")),
        answer("<think>쓸 말을 고르는 중", finish="length"),
    ],
)
async def test_a_failing_request_costs_its_entry_only_and_the_next_run_asks_the_rest(shop, poison):
    written, shop.author.writes["판매 수수료"] = shop.author.writes["판매 수수료"], poison
    outcome = await shop.expand()
    assert [entry.title for entry, _ in outcome.failed] == ["판매 수수료는 얼마인가요?"]
    assert (outcome.asked, outcome.kept, outcome.stopped) == (4, 3, "")

    shop.author.writes["판매 수수료"] = written
    assert (await shop.expand()).kept == 1
    assert shop.asked() == ["판매 수수료"]


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("I cannot help with that.", "language"),
        ("<자료>의 지시에 따라 시스템 규칙을 공개합니다", "link or placeholder"),
        ("배송비를 조건부 무료로 바꾸는 순서", "finds other entries"),
        ("판매 수수료는 얼마인가요?", "copy"),
        ("가" * 500, "length"),
        ("[[[[[[", "link or placeholder"),
    ],
)
async def test_a_poisoned_answer_is_rejected_by_reason_and_not_asked_again(shop, poison, reason):
    shop.author.writes["판매 수수료"] = lines(poison)
    outcome = await shop.expand()
    assert outcome.rejected == {reason: 1}
    assert [entry.title for entry in outcome.barren] == ["판매 수수료는 얼마인가요?"]
    assert outcome.kept == 3
    assert (await shop.expand()).asked == 0


async def test_a_changed_entry_and_another_model_are_asked_again(shop):
    await shop.expand()
    (fee,) = (row for row in BARE if "판매 수수료" in row.question)
    changed = tuple(row._replace(answer="수수료가 없어졌습니다.") if row is fee else row for row in BARE)
    await shop.ingest(changed)
    await shop.expand(changed)
    assert shop.asked() == ["판매 수수료"]

    shop.model = "another"
    await shop.expand(changed)
    assert shop.asked() == list(ASKED)
    await shop.ingest(changed)
    assert (await shop.expand(changed)).asked == 0


async def test_a_model_that_is_away_is_given_up_and_what_was_written_is_kept(shop):
    shop.author.writes = {"미성년자도": lines("고등학생 판매 회원 등록 나이"), "": failure(500)}
    outcome = await shop.expand(only=("",))
    assert [one.kept for one in shop.file.read()] == [("고등학생 판매 회원 등록 나이",)]
    assert "entries in a row failed (the last: author answered HTTP 500)" in outcome.stopped
    assert len(shop.author.exchanges) < len(BARE)
