"""Stand-ins for the ports. Each keeps its port's promises; failures are asked for by name."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from faqchat import bootstrap
from faqchat.catalogue import Catalogues
from faqchat.chat import ChatService
from faqchat.errors import NotFound, Unavailable
from faqchat.events import ChatRequest, Event, Numbered, Usage
from faqchat.extractive import Extractive
from faqchat.faq import Entry, RawEntry
from faqchat.guardrail import Guardrail
from faqchat.index import Fingerprint, Hit, IndexSnapshot, Kind, Manifest, VectorRow
from faqchat.ingest import Ingest
from faqchat.ports import Generator
from faqchat.pricing import Price
from faqchat.prompt import Brief, Message
from faqchat.retriever import Retriever
from faqchat.rewriting import Rewriter
from faqchat.tokens import tokens
from faqchat.turnlog import Claim, Recorded, Signals
from faqchat.turns import Turns
from local.memory import MemoryHistory

WIDTH = 64


class FakeEmbedder:
    """Vectors from tokens: texts that share words are near. `down` makes it fail."""

    def __init__(self, model: str = "fake") -> None:
        self.model = model
        self.embedded: list[str] = []
        self.down = False

    async def queries(self, texts: Sequence[str]) -> list[list[float]]:
        if self.down:
            raise Unavailable("embeddings are down")
        return [self._vector(text) for text in texts]

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        vectors = await self.queries(texts)
        self.embedded.extend(texts)
        return vectors

    async def fingerprint(self) -> Fingerprint:
        if self.down:
            raise Unavailable("embeddings are down")
        return Fingerprint(model=self.model, dimensions=WIDTH, probe=tuple(self._vector("probe")))

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * WIDTH
        for token, count in Counter(tokens(text)).items():
            vector[sum(token.encode()) % WIDTH] += count
        norm = math.hypot(*vector) or 1.0
        return [value / norm for value in vector]


class FakeVectors:
    """Collections in memory, searched by cosine. `down` makes every call fail."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, VectorRow]] = {}
        self.alias: str | None = None
        self.down = False

    async def search(self, vectors: Sequence[list[float]], kind: Kind, limit: int) -> list[list[Hit]]:
        self._reach()
        if self.alias is None:
            raise Unavailable("nothing ingested")
        rows = [row for row in self.collections[self.alias].values() if row.kind == kind]

        def hits(vector: list[float]) -> list[Hit]:
            scored = (Hit(row.faq_id, sum(map(float.__mul__, row.vector, vector))) for row in rows)
            return sorted(scored, key=lambda hit: -hit.score)[:limit]

        return [hits(vector) for vector in vectors]

    async def open(self, collection: str, fingerprint: Fingerprint) -> None:
        self._reach()
        self.collections.setdefault(collection, {})

    async def row_ids(self, collection: str) -> set[str]:
        self._reach()
        return set(self.collections[collection])

    async def upsert(self, collection: str, rows: Sequence[VectorRow]) -> None:
        self._reach()
        self.collections[collection] |= {row.row_id: row for row in rows}

    async def delete(self, collection: str, row_ids: Iterable[str]) -> None:
        self._reach()
        for row_id in row_ids:
            self.collections[collection].pop(row_id, None)

    async def publish(self, collection: str) -> None:
        self._reach()
        self.alias = collection

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("vectors are down")


class FakeSnapshots:
    """Staged versions and the published one, in memory."""

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, Entry]] = {}
        self.manifest: Manifest | None = None
        self.stagings = 0
        self.publications = 0
        self.down = False

    @property
    def snapshot(self) -> IndexSnapshot | None:
        return self.manifest and IndexSnapshot(self.manifest, self.versions[self.manifest.version])

    @snapshot.setter
    def snapshot(self, snapshot: IndexSnapshot | None) -> None:
        self.manifest = snapshot and snapshot.manifest
        if snapshot:
            self.versions[snapshot.manifest.version] = snapshot.entries

    async def version(self) -> str | None:
        self._reach()
        return f"{self.manifest.version} {self.manifest.kinds}" if self.manifest else None

    async def load(self) -> IndexSnapshot | None:
        self._reach()
        return self.snapshot

    async def published(self) -> Manifest | None:
        self._reach()
        return self.manifest

    async def stage(self, version: str, entries: Mapping[str, Entry]) -> None:
        self._reach()
        self.versions[version] = dict(entries)
        self.stagings += 1

    async def staged(self, version: str) -> dict[str, Entry]:
        self._reach()
        if version not in self.versions:
            raise NotFound("no such version")
        return self.versions[version]

    async def publish(self, manifest: Manifest) -> None:
        self._reach()
        self.manifest = manifest
        self.publications += 1

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("snapshots are down")


class FakeHistory(MemoryHistory):
    """Conversations in memory; `down` makes every call fail."""

    down = False

    def _session(self, session_id: str):
        if self.down:
            raise Unavailable("history is down")
        return super()._session(session_id)

    async def create(self, session_id: str) -> None:
        if self.down:
            raise Unavailable("history is down")
        await super().create(session_id)


class FakeTurnLog:
    """A `TurnLog` and `Claims` in memory; `down` makes every call fail."""

    def __init__(self) -> None:
        self.down = False
        self.sessions: dict[str, str] = {}
        self.events: dict[str, dict[int, Event]] = {}
        self.alive_at: dict[str, float] = {}
        self.signals: dict[str, Signals] = {}
        self.claims: dict[str, Claim] = {}

    async def open(self, turn_id: str, session_id: str) -> None:
        self._reach()
        self.sessions[turn_id] = session_id
        self.events.setdefault(turn_id, {})
        self.signals[turn_id] = Signals()
        self.alive_at[turn_id] = time.time()

    async def append(self, turn_id: str, first: int, events: Sequence[Event]) -> None:
        self._reach()
        self.events.setdefault(turn_id, {}).update(enumerate(events, first))

    async def beat(self, turn_id: str) -> Signals:
        self._known(turn_id)
        self.alive_at[turn_id] = time.time()
        return self.signals[turn_id]

    async def read(self, turn_id: str, after: int = -1) -> Recorded:
        self._known(turn_id)
        events = sorted((number, event) for number, event in self.events[turn_id].items() if number > after)
        return Recorded(self.sessions[turn_id], tuple(Numbered(*row) for row in events), self.alive_at[turn_id])

    async def cancel(self, turn_id: str) -> None:
        self._known(turn_id)
        self.signals[turn_id] = self.signals[turn_id]._replace(cancelled=True)

    async def watch(self, turn_id: str) -> None:
        self._known(turn_id)
        self.signals[turn_id] = self.signals[turn_id]._replace(watched_at=time.time())

    async def erase(self, turn_ids: Sequence[str]) -> None:
        self._reach()
        for turn_id in turn_ids:
            self.sessions.pop(turn_id, None)

    async def claim(self, key: str, claim: Claim, instead_of: str | None = None) -> Claim:
        self._reach()
        held = self.claims.get(key)
        if held is None or held.turn_id == instead_of:
            self.claims[key] = held = claim
        return held

    async def release(self, key: str, turn_id: str) -> None:
        self._reach()
        if key in self.claims and self.claims[key].turn_id == turn_id:
            del self.claims[key]

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("the turn log is down")

    def _known(self, turn_id: str) -> None:
        self._reach()
        if turn_id not in self.sessions:
            raise NotFound("no such turn")


class ScriptedModel:
    """A generator that says its pieces; an exception among them is raised where it stands."""

    name = "scripted"

    def __init__(self, *pieces: str | Exception) -> None:
        self.pieces = pieces
        self.briefs: list[Brief] = []

    async def generate(self, brief: Brief) -> AsyncGenerator[str | Usage, None]:
        self.briefs.append(brief)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece
        yield Usage(prompt_tokens=1_000, completion_tokens=100)


class ScriptedWriter:
    """A writer that writes its text, or raises it; `slow` makes it never end."""

    name = "writer"

    def __init__(self, written: str | Exception, *, slow: bool = False) -> None:
        self.written = written
        self.slow = slow
        self.asked: list[str] = []

    async def write(self, messages: Sequence[Message]) -> tuple[str, Usage]:
        self.asked.append(messages[-1]["content"])
        if self.slow:
            await asyncio.sleep(3_600)
        if isinstance(self.written, Exception):
            raise self.written
        return self.written, Usage(prompt_tokens=300, completion_tokens=20)


class WordGate:
    """Calls a message out of scope when it holds one of the words."""

    def __init__(self, *outside: str) -> None:
        self.outside = outside

    def probability(self, text, said, catalogue) -> float:
        return float(not any(word in text for word in self.outside))


FAQ = (
    RawEntry(
        "[가입] 미성년자도 판매자로 가입할 수 있나요?",
        "만 14세 이상이면 가입할 수 있습니다.만 14세 미만은 가입할 수 없습니다."
        "위 도움말이 도움이 되었나요? 별점 관련 도움말/키워드\n미성년자는 어떤 서류를 내야 하나요?\n도움말 닫기",
    ),
    RawEntry("[가입] 미성년자는 어떤 서류를 내야 하나요?", "법정대리인 동의서와 가족관계증명서를 제출해 주세요."),
    RawEntry(
        "[정산] 정산은 언제 되나요?", "구매확정 다음 영업일에 정산됩니다. [정산관리 > 정산 내역]에서 확인해 주세요."
    ),
    RawEntry("[배송] 발송처리는 어떻게 하나요?", "1) [판매관리 > 발송관리]로 이동합니다. 2) 송장번호를 입력합니다."),
    RawEntry("[상품] 음식도 등록할 수 있나요?", "영업신고증이 있으면 등록할 수 있습니다."),
    RawEntry("[반품] 반품배송비는 누가 내나요?", "구매자 사유이면 구매자가 부담합니다."),
)


class World:
    """The product on fakes, with a small FAQ ingested."""

    def __init__(self, *models: Generator, rewriter: Rewriter | None = None) -> None:
        self.embedder = FakeEmbedder()
        self.vectors = FakeVectors()
        self.snapshots = FakeSnapshots()
        self.history = FakeHistory()
        self.catalogues = Catalogues(self.snapshots, bootstrap.lexical_index, refresh_s=0)
        self.ingest = Ingest(
            self.embedder, self.vectors, self.snapshots, {"out_of_scope": ["오늘 날씨 어때", "맛집 추천해 줘"]}, batch=4
        )
        self.chat = ChatService(
            self.catalogues,
            Retriever(self.embedder, self.vectors),
            Guardrail(WordGate("맛집", "날씨"), 0.5),
            generators=(*models, Extractive()),
            history=self.history,
            price=Price(1.0, 0.1, 2.0),
            history_turns=6,
            history_tokens=1_500,
            rewriter=rewriter,
        )
        self.log = FakeTurnLog()
        self.turns = Turns(self.chat, self.history, self.log, self.log, grace_s=0.5)

    async def ingested(self, *rows: RawEntry) -> "World":
        await self.ingest.run(rows or FAQ, {}, "test", lambda done, total, kinds: None)
        return self

    async def ask(self, message: str, session_id: str | None = None, followup_id: str | None = None) -> list[Event]:
        request = ChatRequest(message=message, session_id=session_id, followup_id=followup_id)
        return [event async for event in self.chat.stream(request)]


def entry(question: str, answer: str = "답변입니다.", **more: object) -> Entry:
    return Entry(faq_id="0" * 12, question=question, answer=answer, content_hash="", **more)
