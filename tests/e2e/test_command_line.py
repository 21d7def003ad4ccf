"""The commands, run as a person runs them, against the stack that runs."""

import csv
import json
import os
import pickle

import pytest

from tests.e2e.product import FAQ, Turn, embedded, id_of, lives, until

QUESTION = "반품 배송비는 누가 내나요?"
ANSWER = "구매자의 마음이 바뀐 반품은 구매자가"
LISTS = ("tags", "related", "utterances")
DINNER = "오늘 저녁에 여의도 가려는데 맛집 추천좀 해줄래?"


def rows():
    return [json.loads(line) for line in FAQ.read_text("utf-8").splitlines()]


def write(path, entries):
    path.write_text("".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries), "utf-8")
    return path


@pytest.fixture(scope="module")
def live(product):
    """What an ingest of the live file reports."""
    return product.ingest(FAQ)


@pytest.fixture
def faq_restored(product, live):
    yield
    assert product.ingest(FAQ)["version"] == live["version"]


def test_an_ingest_that_was_killed_went_on_where_it_had_stopped(product):
    done, total = embedded(product.killed)
    assert 0 < done < total
    _, left = embedded(product.resumed)
    assert left <= total - done
    assert "stopping" not in product.killed, "it had no chance to stop in order"


def test_up_says_what_it_starts_and_where_it_serves(product):
    for name in ("vectors", "aws", "embeddings", "ingest-embeddings", "chat"):
        assert f"starting {name} on 127.0.0.1:" in product.resumed
    assert f"{product.chat.url}  FAQ: faq.jsonl" in product.resumed


def test_ask_prints_an_event_a_line_and_goes_on_with_a_conversation(product, chat):
    done = product.run("ask", "--json", QUESTION)
    assert done.returncode == 0, done.stderr
    turn = Turn.of_lines(done.stdout)
    assert turn.names == ["start", "sources", "delta", "followups", "done"]
    assert turn.source_ids[0] == id_of("반품 배송비")
    assert "배송비" in done.stdout, "Korean is readable"

    done = product.run("ask", "--session", turn.session_id, turn.offers[0]["text"])
    assert done.returncode == 0, done.stderr
    assert f"session {turn.session_id}" in done.stdout
    assert "[1] [반품] 반품 요청이 들어오면 무엇부터 하나요?" in done.stdout
    assert "answered, " in done.stdout
    assert [kept["message"] for kept in chat.turns(turn.session_id)] == [QUESTION, turn.offers[0]["text"]]


def test_a_conversation_in_the_terminal_takes_up_an_offer_by_its_number(product):
    done = product.run("chat", stdin=f"{QUESTION}\n1\n/new\n{DINNER}\n/quit\n")
    assert done.returncode == 0, done.stderr
    _, first, second, _, third, _ = done.stdout.split("\n> ")
    assert first.startswith(ANSWER)
    assert "\n  1. 반품 요청이 들어오면 무엇부터 하는지 안내해 드릴까요?\n" in first
    assert second.startswith("[판매관리 > 반품관리] 메뉴에서 요청을 확인하고")
    assert third.startswith("저는 스마트 스토어 FAQ를 위한 챗봇입니다.")


def test_the_same_file_again_embeds_nothing(live):
    assert (live["read"], live["unchanged"], live["embedded"], live["deleted"]) == (15, 15, 0, 0)
    assert live["rejected"] == []


def test_the_status_of_ingest_says_what_is_live_and_what_is_still_to_be_embedded(product, live):
    done = product.run("ingest", "--status")
    assert done.returncode == 0, done.stderr
    assert f"live: faq.jsonl, {len(rows())} entries, version {live['version']}" in done.stdout
    assert "all its texts are embedded" in done.stdout
    said = json.loads(product.run("ingest", "--status", "--json").stdout)
    assert (said["live"]["version"], said["missing"]) == (live["version"], 0)


def test_ingest_without_a_file_says_what_it_needs(product):
    done = product.run("ingest")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--status" in done.stderr


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_file_that_cannot_be_used_is_refused_and_the_live_index_stays_as_it_was(product, live, tmp_path):
    whole = pickle.dumps({row["question"]: row["answer"] for row in rows()}, protocol=4)
    files = {
        "hostile.pkl": (pickle.dumps({"질문": Hostile(tmp_path / "ran")}), "is not allowed"),
        "truncated.pkl": (whole[: len(whole) // 2], "not a whole pickle"),
        "column.csv": ("question,text\n질문,답\n".encode(), "the column 'answer' must be there once"),
        "encoding.csv": ("question,answer\n질문,답\n".encode("utf-16"), "neither UTF-8 nor CP949"),
        "line.jsonl": ('{"question": "질문", "answer": "답"}\n{"question": "질문"}\n'.encode(), "line 2: answer"),
    }
    for name, (content, message) in files.items():
        (tmp_path / name).write_bytes(content)
        refused = product.run("ingest", str(tmp_path / name))
        assert refused.returncode == 2, name
        assert refused.stderr.startswith(f"error: {name}")
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr
    assert not (tmp_path / "ran").exists()

    missing = product.run("up", "--faq", str(tmp_path / "missing.pkl"))
    assert missing.returncode == 2
    assert "missing.pkl: No such file or directory" in missing.stderr
    assert product.ingest(FAQ) == live


def test_a_changed_entry_costs_its_own_text_and_a_removed_one_is_gone_from_answers(
    product, chat, tmp_path, faq_restored
):
    entries = [row for row in rows() if "배송비는 어떻게" not in row["question"]]
    (asked,) = (row for row in entries if "반품 배송비" in row["question"])
    asked["answer"] = "이제부터는 언제나 판매자가 냅니다."
    report = product.ingest(write(tmp_path / "faq.jsonl", entries))

    assert (report["read"], report["added"], report["removed"]) == (14, 0, 1)
    assert report["embedded"] == 1, "the one passage of the new answer"
    until(lambda: chat.ask(QUESTION).text == "이제부터는 언제나 판매자가 냅니다.")
    removed = id_of("배송비는 어떻게")
    turn = chat.ask("상품마다 배송비를 유료나 조건부 무료로 정하는 방법")
    assert removed not in [*turn.source_ids, *(offer["faq_id"] for offer in turn.offers)]
    assert chat.http.post("/v1/chat", json={"message": "네", "followup_id": removed}).status_code == 404


def test_a_pickle_and_a_table_from_korean_excel_are_ingested_too(product, live, tmp_path):
    pickled = tmp_path / "faq.pkl"
    pickled.write_bytes(pickle.dumps({row["question"]: row["answer"] for row in rows()}, protocol=4))
    report = product.ingest(pickled)
    assert (report["read"], report["added"], report["removed"], report["embedded"]) == (15, 0, 0, 0)

    table = tmp_path / "faq.csv"
    with table.open("w", encoding="cp949", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "answer", *LISTS))
        writer.writerows((row["question"], row["answer"], *("|".join(row[name]) for name in LISTS)) for row in rows())
    report = product.ingest(table)
    assert report["embedded"] == sum(len(row["utterances"]) for row in rows()), "which the pickle did not have"
    assert report["version"] == live["version"], "nothing of the table was lost"


def test_the_report_names_what_had_no_answer_and_what_was_disliked(product, chat, tmp_path):
    declined = chat.ask("오늘 여의도 맛집 어디가 좋아?")
    disliked = chat.ask(QUESTION)
    feedback = {"rating": "down", "reason": "incomplete", "comment": "연락처는 010-1234-5678"}
    chat.http.post(f"/v1/turns/{disliked['start']['turn_id']}/feedback", json=feedback).raise_for_status()

    page, sheet = tmp_path / "report.html", tmp_path / "report.csv"
    done = product.run("report", "--json", "--html", str(page), "--csv", str(sheet))
    found = json.loads(done.stdout)
    rows = {row["question"]: row for topic in found["topics"] for row in topic["questions"]}

    assert declined.outcome == "declined"
    assert rows["오늘 여의도 맛집 어디가 좋아?"]["unanswered"] >= 1
    assert rows[QUESTION]["nearest"]
    assert (rows[QUESTION]["disliked"], rows[QUESTION]["reasons"]) == (1, "incomplete 1")
    assert rows[QUESTION]["comments"] == "연락처는 [전화번호]"
    assert QUESTION in page.read_text("utf-8")
    assert QUESTION in sheet.read_text("utf-8-sig")


def test_eval_measures_question_files_and_writes_a_row_for_each_question(product, tmp_path):
    asked = [
        {"id": "return", "query": QUESTION, "gold": [id_of("반품 배송비")]},
        {"id": "dinner", "query": DINNER, "kind": "chitchat"},
        {
            "id": "papers",
            "turns": [
                {"role": "user", "content": "저는 만 18세입니다"},
                {"role": "assistant", "content": "네."},
                {"role": "user", "content": "그럼 어떤 서류가 필요해요?"},
            ],
            "gold": [id_of("만 14세 이상 만 19세 미만")],
        },
    ]
    found = product.run("eval", "--json", "--rows", str(tmp_path / "rows"), str(write(tmp_path / "own.jsonl", asked)))
    assert found.returncode == 0, found.stderr
    figures = json.loads(found.stdout)["files"]["own"]
    assert (figures["questions"], figures["recall@1"], figures["declined_share"]) == (3, 1.0, 1.0)

    returned, dinner, papers = (json.loads(line) for line in (tmp_path / "rows").read_text("utf-8").splitlines())
    assert [row["id"] for row in (returned, dinner, papers)] == ["return", "dinner", "papers"]
    assert set(returned) == {"id", "file", "ranked", "outcome", "answer", "followups", "query", "ms"}
    assert returned["ranked"][0] == id_of("반품 배송비")
    assert len(returned["ranked"]) == 10
    assert returned["answer"].startswith(ANSWER)
    assert 2 <= len(returned["followups"]) <= 3
    assert dinner["outcome"] == "declined"
    assert papers["ranked"][0] == id_of("만 14세 이상 만 19세 미만")
    assert "그럼 어떤 서류가 필요해요?" in papers["query"]


def test_a_second_up_is_refused_and_told_who_is_in_its_way(product, tmp_path):
    same_folder = product.run("up")
    assert same_folder.returncode == 1
    assert f"a stack already runs from {product.layout.state} (pid " in same_folder.stderr
    assert f"port {product.layout.port})" in same_folder.stderr

    same_port = product.run("up", "--state", str(tmp_path / "state"))
    assert same_port.returncode == 1
    assert f"port {product.layout.port} (chat) is in use by pid {product.pid('chat')} (" in same_port.stderr
    assert "choose another port" in same_port.stderr
    assert not list(tmp_path.glob("state/logs/*")), "nothing was started"


def test_what_was_stopped_starts_again_with_its_index_and_its_conversations(product, chat):
    session = chat.ask(QUESTION).session_id
    before = chat.turns(session)
    processes = product.processes()
    assert product.run("down").returncode == 0
    assert product.wait() == 0
    assert not list(filter(lives, processes))
    assert product.busy_ports == []
    assert product.run("down").stderr == "nothing runs\n"

    alone = product.run("ask", "--json", "--session", session, "발송처리는 어디에서 하나요?")
    assert Turn.of_lines(alone.stdout).source_ids[0] == id_of("발송처리"), alone.stderr
    assert product.busy_ports == [], "it started what it needed, and stopped it"

    product.start()
    turns = chat.turns(session)
    assert turns[0] == before[0]
    assert turns[1]["message"] == "발송처리는 어디에서 하나요?"
    assert chat.ask(QUESTION, session).degraded == []
    assert embedded(product.said) == (0, 0), "nothing was embedded again"
