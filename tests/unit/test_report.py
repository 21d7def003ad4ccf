"""The report for the people who keep the FAQ: what went wrong, under which topic, in every form it is written."""

import csv
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from faqchat.conversation import Feedback, Turn, new_session_id, new_turn_id
from faqchat.events import Source
from faqchat.report import NO_TAG, OUTSIDE, Near, report
from local import report as written
from tests.fakes import entry

HOSTILE = '<script>alert(1)</script> =HYPERLINK("http://x") {{ 7*7 }}'
SOURCE = Source(faq_id="0" * 12, question="가", score=1.0, excerpt="나")
DELIVERY = entry("배송지를 바꿀 수 있나요?", tags=("배송",))
UNTAGGED = entry("꼬리표가 없는 질문")


def a_turn(message, outcome="declined", **more):
    return Turn(
        session_id=new_session_id(),
        turn_id=new_turn_id(),
        message=message,
        outcome=outcome,
        asked_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
        **more,
    )


async def nearest(question):
    if "날씨" in question:
        return Near([DELIVERY], 0.01)
    return Near([UNTAGGED] if "꼬리표" in question else [DELIVERY], 0.6)


async def made(*turns):
    return await report(turns, nearest, 0.1)


async def test_questions_without_an_answer_are_grouped_by_the_tag_of_their_nearest_entry():
    found = await made(
        a_turn("드론으로 배송되나요?"),
        a_turn("드론으로  배송되나요"),
        a_turn("오늘 날씨 어때"),
        a_turn("꼬리표는요?", "clarify"),
        a_turn("배송은 언제 되나요?", "answered", sources=(SOURCE,)),
    )
    assert [(topic.name, topic.unanswered) for topic in found.topics] == [("배송", 2), (OUTSIDE, 1), (NO_TAG, 1)]
    (question,) = found.topics[0].questions
    assert (len(question.turns), question.nearest) == (2, (DELIVERY,)), "spaces and signs make no other question"
    assert (found.turns, found.unanswered) == (5, 4)


@pytest.mark.parametrize(
    ("outcome", "sources", "counts"),
    [
        *((outcome, (), 1) for outcome in ("declined", "clarify", "failed", "answered")),
        *((outcome, (), 0) for outcome in ("greeting", "cancelled")),
        ("answered", (SOURCE,), 0),
    ],
)
async def test_what_counts_as_unanswered(outcome, sources, counts):
    assert (await made(a_turn("배송", outcome, sources=sources))).unanswered == counts


async def test_thumbs_down_are_told_with_their_reasons_and_thumbs_up_are_counted():
    down = Feedback(rating="down", reason="incomplete", comment="금액이 없어요")
    found = await made(
        a_turn("배송비는?", "answered", sources=(SOURCE,), feedback=down),
        a_turn("배송비는?", "answered", sources=(SOURCE,), feedback=Feedback(rating="down")),
        a_turn("배송지는?", "answered", sources=(SOURCE,), feedback=Feedback(rating="up")),
    )
    ((question,),) = (topic.questions for topic in found.topics)
    assert (question.disliked, dict(question.reasons)) == (2, {"incomplete": 1, "none": 1})
    assert question.comments == ["금액이 없어요"]
    assert (found.up, found.down, found.unanswered) == (1, 2, 0)


async def test_nothing_asked_is_an_empty_report(tmp_path, capsys):
    found = await made()
    written.print_table(found, Console(), 7)
    written.write_csv(found, tmp_path / "r.csv")
    written.write_html(found, tmp_path / "r.html", 7)
    assert capsys.readouterr().out == "no turns in the last 7 days\n"
    assert (tmp_path / "r.csv").read_text("utf-8-sig").startswith("topic,question,asked")


async def test_a_page_shows_hostile_questions_as_text(tmp_path):
    found = await made(a_turn(HOSTILE, feedback=Feedback(rating="down", comment="<img src=x onerror=alert(1)>")))
    written.write_html(found, tmp_path / "r.html", 30)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page
    assert 'http-equiv="content-security-policy" content="default-src \'none\'' in page


@pytest.mark.parametrize("question", ['=HYPERLINK("http://x")', "+82", "-1", "@SUM(A1)"])
async def test_a_spreadsheet_takes_no_question_for_a_formula(tmp_path, question):
    written.write_csv(await made(a_turn(question)), tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert row["question"] == f"'{question}"


async def test_the_same_as_json():
    found = json.loads(written.as_json(await made(a_turn("드론으로 배송되나요?"), a_turn("안녕", "greeting"))))
    assert (found["turns"], found["unanswered"], found["unanswered_share"]) == (2, 1, 0.5)
    assert found["topics"][0]["questions"][0]["nearest"] == DELIVERY.question
    assert found["days"] == {"2026-11-20": {"declined": 1, "greeting": 1}}


async def test_the_table_names_each_topic_with_its_examples(capsys):
    written.print_table(await made(*(a_turn(f"드론 배송 {n}호는?") for n in range(9))), Console(width=160), 30)
    shown = capsys.readouterr().out
    assert "9 turns in 30 days: 9 without an answer" in shown
    assert ("배송" in shown, "… and 4 more" in shown) == (True, True)
