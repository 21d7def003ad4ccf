"""Are the answers good enough? The product on the real FAQ, asked the labelled questions of this folder.

    python -m pytest tests/quality --faq path/to/final_result.pkl      (or: make quality FAQ=…)

Each bound is what was reached (docs/quality.md) less the noise of one question in fifty.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.layout import ROOT, Layout
from tests.layouts import free_layout

HERE = Path(__file__).parent
FILES = ("single_turn", "multi_turn", "out_of_scope", "greetings")
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
def files(ingested, layout):
    found = json.loads(local("eval", "--json", *(str(HERE / f"{name}.jsonl") for name in FILES), layout=layout))
    print(json.dumps(found, ensure_ascii=False, indent=1))
    return found["files"]


def test_every_entry_of_the_faq_is_taken_and_every_kind_of_text_embedded(ingested):
    assert (ingested["read"], ingested["rejected"]) == (2_717, [])
    assert set(ingested["kinds"]) == {"title", "utterance", "passage", "in_scope", "out_of_scope"}


def test_ingest_names_the_answers_that_are_known_to_be_misplaced(ingested):
    suspects = {suspect["faq_id"] for suspect in ingested["suspects"]}
    assert suspects >= MISPLACED
    assert len(suspects) <= 2 * len(MISPLACED)


def test_single_questions_find_their_entry(files):
    assert files["single_turn"]["recall@1"] >= 0.84
    assert files["single_turn"]["recall@5"] >= 0.95


def test_last_turns_find_their_entry_in_a_replayed_dialogue(files):
    assert files["multi_turn"]["recall@1"] >= 0.76
    assert files["multi_turn"]["recall@5"] >= 0.90


def test_sellers_are_not_refused(files):
    assert files["single_turn"]["answered_share"] >= 0.96
    assert files["multi_turn"]["answered_share"] >= 0.94


def test_what_is_not_smartstore_is_declined(files):
    assert files["out_of_scope"]["declined_share"] >= 0.94
    kinds = files["out_of_scope"]["groups"]
    for kind in ("chitchat", "general_knowledge", "restaurant_travel", "coding", "toxic", "injection"):
        assert kinds[kind]["declined_share"] == 1, kind


def test_greetings_are_greeted(files):
    assert files["greetings"]["greeting_share"] == 1
