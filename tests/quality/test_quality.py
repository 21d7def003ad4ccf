"""Are the answers good enough? The product on the real FAQ, asked the labelled questions of this folder.

    python -m pytest tests/quality --faq path/to/final_result.pkl      (or: make quality FAQ=…)

Each bound is what was reached (docs/quality.md) less the noise of one question in fifty.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.layout import ROOT, Layout
from tests.layouts import free_layout

HERE = Path(__file__).parent
FILES = ("single_turn", "plain", "multi_turn", "dialogues", "out_of_scope", "greetings")
# Entries of the source that carry another entry's answer, found by reading it.
MISPLACED = {
    "ef12a7146168",
    "de83de2dcc95",
    "11768e16c2bb",
    "fbdfafbb5599",
    "5a2623dea09e",
    "5f8ceb0df7dd",
    "5593ac468387",
    "89322a4a53ff",
    "7a7f34cd3a87",
    "1bd0acf84b18",
    "43fd29694441",
}
# How people end a request: it changes nothing of what is asked, and should change nothing of what is found.
ENDINGS = ("알려주세요", "좀 알려줘요", "궁금합니다", "답변 부탁드려요")
STATE = ROOT / ".local" / "quality"  # kept: a second run embeds nothing


def local(*arguments: str, layout: Layout) -> str:
    command = [sys.executable, "-m", "local", "--state", str(layout.state), "--port", str(layout.port), *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(arguments[:1])} ended with {done.returncode}"
    return done.stdout


@pytest.fixture(scope="session")
def layout(request):
    if not request.config.getoption("--faq"):
        pytest.skip("quality is measured on the real FAQ: give it with --faq PATH")
    return free_layout(STATE)


@pytest.fixture(scope="session")
def ingested(request, layout):
    path = Path(request.config.getoption("--faq")).resolve()
    return json.loads(local("ingest", str(path), "--json", layout=layout))


@pytest.fixture(scope="session")
def polite(tmp_path_factory):
    """The single questions, each with one of the endings."""
    questions = map(json.loads, (HERE / "single_turn.jsonl").read_text("utf-8").splitlines())
    asked = [
        {**question, "query": f"{question['query'].rstrip(' .?!')} {ending}"}
        for question, ending in zip(questions, itertools.cycle(ENDINGS))
    ]
    path = tmp_path_factory.mktemp("questions") / "polite.jsonl"
    path.write_text("".join(json.dumps(question) + "\n" for question in asked), "utf-8")
    return path


@pytest.fixture(scope="session")
def figures(ingested, layout, polite):
    paths = [*(HERE / f"{name}.jsonl" for name in FILES), polite]
    found = json.loads(local("eval", "--json", *map(str, paths), layout=layout))
    print(json.dumps(found, ensure_ascii=False, indent=1))
    return found


@pytest.fixture(scope="session")
def files(figures):
    return figures["files"]


def test_every_entry_of_the_faq_is_taken_and_every_kind_of_text_embedded(ingested):
    assert (ingested["read"], ingested["rejected"]) == (2_717, [])
    assert set(ingested["kinds"]) == {"title", "utterance", "passage", "in_scope", "out_of_scope"}


def test_ingest_names_the_answers_that_are_known_to_be_misplaced(ingested):
    suspects = {suspect["faq_id"] for suspect in ingested["suspects"]}
    assert suspects >= MISPLACED
    assert len(suspects) <= 2 * len(MISPLACED)


@pytest.mark.parametrize(
    ("file", "first", "fifth"),
    [
        ("single_turn", 0.86, 0.95),
        ("polite", 0.86, 0.95),
        ("plain", 0.77, 0.92),
        ("multi_turn", 0.76, 0.94),  # the last turns of dialogues, replayed
        ("dialogues", 0.72, 0.94),
    ],
)
def test_questions_find_their_entry(files, file, first, fifth):
    assert files[file]["recall@1"] >= first
    assert files[file]["recall@5"] >= fifth


def test_who_changes_the_topic_is_not_dragged_back(files):
    changes = files["dialogues"]["groups"]["topic_switch"]
    assert changes["recall@1"] >= 0.86
    assert changes["recall@5"] >= 0.96


@pytest.mark.parametrize(
    ("file", "share"),
    [("single_turn", 0.965), ("polite", 0.965), ("plain", 0.96), ("multi_turn", 0.96), ("dialogues", 0.95)],
)
def test_sellers_are_not_refused(files, file, share):
    assert files[file]["answered_share"] >= share


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        *((kind, 1.0) for kind in ("chitchat", "general_knowledge", "restaurant_travel", "coding", "toxic")),
        *((kind, 1.0) for kind in ("legal_medical_advice", "injection")),
        *((kind, 0.9) for kind in ("other_platform", "naver_other", "buyer_side")),
        ("near_miss", 0.9),
    ],
)
def test_what_is_not_smartstore_is_declined(files, kind, share):
    assert files["out_of_scope"]["groups"][kind]["declined_share"] >= share


def test_greetings_are_greeted(files):
    assert files["greetings"]["greeting_share"] == 1


def test_offers_are_kept_and_new_and_what_editors_would_offer(figures):
    offers = figures["followups"]
    assert (offers["kept_share"], offers["repeated"]) == (1, 0)
    assert offers["linked_share"] >= 0.6
