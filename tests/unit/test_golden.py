"""Three fixed turns in each form that clients read, byte for byte.

The forms are contracts: a change of these files is a change for clients. They are written again, to be looked at in the
diff, by `pytest tests/unit/test_golden.py --write-golden`.
"""

from pathlib import Path

import httpx2
import openai
import pytest

from faqchat import sse
from faqchat.adapters.socket import frame
from faqchat.events import (
    Delta,
    Done,
    FollowUp,
    FollowUps,
    Numbered,
    Problem,
    Source,
    Sources,
    Start,
    Usage,
    event_name,
)
from faqchat.openai_reply import CompletionStream, completion, error_of
from faqchat.reply import collect

GOLDEN = Path(__file__).parent.parent / "golden"
TURN_ID = "019b77dc4a00" + "0123456789abcdef" * 2
START = Start(session_id="A" * 32, turn_id=TURN_ID, model="scripted")
SOURCES = Sources(
    sources=(
        Source(
            faq_id="0123456789ab",
            question='[정산] "정산 예정일"은 언제인가요?',
            tags=("정산",),
            score=12.5,
            excerpt="구매확정 다음 영업일입니다.",
        ),
        Source(
            faq_id="ba9876543210",
            question="[정산][수수료] 수수료는 얼마인가요?",
            tags=("정산", "수수료"),
            score=3.25,
            excerpt="[정산관리 > 수수료]에서 확인합니다.",
        ),
    )
)
TEXT = ("구매확정 다음 영업일에 정산됩니다. [1]\n", '· "C:\\정산" 폴더가 아닙니다. \u2028 😀', "\n\n· 끝 [2]")
FOLLOWUPS = FollowUps(followups=(FollowUp(faq_id="ba9876543210", text="수수료는 얼마인지 안내해 드릴까요?"),))
USAGE = Usage(prompt_tokens=900, cached_tokens=512, completion_tokens=40)
TURNS = {
    "answered": (
        START,
        SOURCES,
        *(Delta(text=text) for text in TEXT),
        FOLLOWUPS,
        Done(
            outcome="answered",
            degraded=("rewrite",),
            usage=USAGE,
            cost_usd=0.0005192,
            timings_ms={"history": 1.5, "total": 812.0},
        ),
    ),
    "cancelled": (START, SOURCES, Delta(text=TEXT[0]), Done(outcome="cancelled")),
    "failed": (
        START,
        SOURCES,
        Delta(text=TEXT[0]),
        Problem(
            type="urn:faqchat:interrupted",
            title="Unavailable",
            status=503,
            detail="답변을 작성하던 중에 연결이 끊겼습니다. 잠시 후 다시 질문해 주세요.",
            trace_id="request-1",
        ),
    ),
}


async def numbered(events):
    for number, event in enumerate(events):
        yield Numbered(number, event)


async def plain(events):
    for event in events:
        yield event


async def server_sent(events, **encoder):
    return b"".join([block async for block in sse.encode(TURN_ID, numbered(events), 60, **encoder)])


async def messages(events):
    frames = (frame(event_name(event), f"{TURN_ID}:{number}", event) for number, event in enumerate(events))
    return "".join(f"{frame}\n" for frame in frames).encode()


async def chunks(events):
    return await server_sent(events, encoder=CompletionStream(include_usage=False).encode)


async def chunks_with_usage(events):
    return await server_sent(events, encoder=CompletionStream(include_usage=True).encode)


async def whole_completion(events):
    reply = await collect(plain(events))
    said = error_of(reply.status, reply.detail) if isinstance(reply, Problem) else completion(reply)
    return said.model_dump_json().encode()


FORMS = {
    "events.sse": server_sent,
    "events.ws.jsonl": messages,
    "completion.sse": chunks,
    "completion-usage.sse": chunks_with_usage,
    "completion.json": whole_completion,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("turn", TURNS)
async def test_a_turn_reads_as_it_always_did(turn, form, pytestconfig):
    said = await FORMS[form](TURNS[turn])
    path = GOLDEN / turn / form
    if pytestconfig.getoption("write_golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said)
    assert said == path.read_bytes()


def test_every_golden_file_is_compared():
    assert {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.*")} == {
        f"{turn}/{form}" for turn in TURNS for form in FORMS
    }


@pytest.mark.parametrize("form", ["completion.sse", "completion-usage.sse"])
def test_the_official_client_raises_what_ends_a_stream_that_failed(form):
    def replay(_):
        stream = (GOLDEN / "failed" / form).read_bytes()
        return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    with (
        httpx2.Client(transport=httpx2.MockTransport(replay)) as http,
        openai.OpenAI(base_url="http://chat/v1", api_key="unused", http_client=http) as client,
        client.chat.completions.create(model="", messages=[], stream=True) as stream,
        pytest.raises(openai.APIError, match="연결이 끊겼습니다"),
    ):
        list(stream)
