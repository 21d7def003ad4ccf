"""`ingest --expand` as a person runs it: what it costs is said and agreed to first, what was paid for is kept."""

import json
import os
import signal
import subprocess

import pytest

from tests.author import Author, lines
from tests.e2e.product import FAQ, id_of, until
from tests.scripted_openai import answer, hang

SLANG = "스토어가 떼가는 돈은 매출의 몇 프로예요?"
WRITES = {
    "판매 수수료": lines("판매 수수료율", SLANG, "고등학생이 부모님 동의서를 내고 가입하는 방법"),
    "배송비는 어떻게": lines("택배비 무료 유료 설정"),
    "발송처리": lines("송장번호는 어디에 넣나요?"),
}


@pytest.fixture
def author():
    with Author() as author:
        author.writes = dict(WRITES)
        yield author


@pytest.fixture
def model(author):
    """The settings of the model that writes."""
    return {
        "FAQCHAT_CHAT_MODEL": "author",
        "FAQCHAT_CHAT_BASE_URL": author.base_url,
        "FAQCHAT_CHAT_PRICE_IN": "1",
        "FAQCHAT_CHAT_PRICE_OUT": "2",
    }


@pytest.fixture
def bare(product, tmp_path, request):
    """The small FAQ, three entries of it as no other test has them: changed, and not yet asked by anybody."""
    rows = []
    for line in FAQ.read_text("utf-8").splitlines():
        row = json.loads(line)
        if any(words in row["question"] for words in WRITES):
            row |= {"answer": f"{row['answer']}\n※ 참고. {request.node.name}", "utterances": []}
        rows.append(row)
    path = tmp_path / "bare.jsonl"
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    yield str(path)
    product.ingest(FAQ)


def written(record):
    """How many entries the record has: a line each, and one that is empty before the first."""
    return len(list(filter(None, record.read_text("utf-8").splitlines()))) if record.exists() else 0


def expand(product, path, model):
    done = product.run("ingest", path, "--expand", "--yes", "--json", **model)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_what_a_model_writes_is_checked_ingested_and_never_paid_for_again(product, chat, author, model, bare):
    report, said = expand(product, bare, model)
    assert "author is to write utterances for 3 entries: about " in said
    assert report["expansion"] == {
        "model": "author",
        "asked": 3,
        "kept": 4,
        "rejected": {"finds other entries": 1},
        "all_rejected": [],
        "failed": [],
        "usage": {"prompt_tokens": 2700, "cached_tokens": 1536, "completion_tokens": 120},
        "cost_usd": pytest.approx(0.00294),
        "stopped": None,
    }
    assert (report["read"], report["changed"]) == (15, 3)
    until(lambda: chat.ask(SLANG).source_ids[0] == id_of("판매 수수료"))

    author.exchanges.clear()
    again, said = expand(product, bare, model)
    assert "nothing will be spent" in said
    assert (again["expansion"]["asked"], again["embedded"], again["version"]) == (0, 0, report["version"])
    assert product.ingest(bare)["version"] == report["version"], "without --expand, too"
    assert not author.exchanges


def test_an_interrupted_run_goes_on_where_it_stopped(product, author, model, bare):
    author.writes["발송처리"] = answer(hang())
    record = product.layout.written
    before = written(record)
    patient = model | {
        "FAQCHAT_CHAT_TIMEOUT_S": "300"
    }  # the third entry hangs until the signal, however slow the rest is
    running = product.begin("ingest", bare, "--expand", "--yes", stdin=subprocess.DEVNULL, **patient)
    try:
        until(lambda: written(record) == before + 2, 60)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "interrupted; 2 of 3 entries are written and kept in" in said
    assert "Traceback" not in said

    author.writes = dict(WRITES)
    author.exchanges.clear()
    report, _ = expand(product, bare, model)
    assert (report["expansion"]["asked"], report["expansion"]["kept"]) == (1, 1)
    assert author.questions == ["[배송] 발송처리는 어디에서 하나요?"]


def test_nothing_is_spent_without_a_model_or_without_consent(product, author, model, bare):
    no_model = product.run("ingest", bare, "--expand", "--yes")
    assert no_model.returncode == 2
    assert "error: --expand needs a chat model: set FAQCHAT_CHAT_MODEL" in no_model.stderr

    nobody_to_ask = product.run("ingest", bare, "--expand", **model)
    assert nobody_to_ask.returncode == 2
    assert "author is to write utterances for 3 entries" in nobody_to_ask.stderr
    assert "error: --expand spends money and there is no terminal to ask in: add --yes" in nobody_to_ask.stderr

    unpriced = {name: value for name, value in model.items() if "PRICE" not in name}
    person, terminal = os.openpty()
    asking = product.begin("ingest", bare, "--expand", stdin=terminal, **unpriced)
    os.write(person, b"n\n")
    _, said = asking.communicate(timeout=60)
    os.close(person)
    os.close(terminal)
    assert asking.returncode == 2
    assert "FAQCHAT_CHAT_PRICE_IN and FAQCHAT_CHAT_PRICE_OUT are not set" in said
    assert "Go on? [y/N] " in said
    assert "error: not agreed to: nothing was asked, and nothing was ingested" in said
    assert not author.exchanges
