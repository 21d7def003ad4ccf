"""The page: whatever an answer holds, it is text of a few known kinds, and quickly shown."""

import pytest
from playwright.sync_api import expect

from tests.e2e.visit import HOSTILE, QUESTION

ALLOWED = {"P", "UL", "OL", "LI", "SPAN", "STRONG", "CODE"}
LONG = 5_000
HOSTILE_ANSWERS = {
    "tags": HOSTILE,
    "svg": '<svg onload="window.pwned=1"><use href="https://evil.invalid/x.svg#a"/></svg>',
    "markdown image": "![가](https://evil.invalid/x.png) ![가](//evil.invalid/y.png)",
    "markdown link": "[누르세요](javascript:window.pwned=1) <javascript:window.pwned=1> [가]: https://evil.invalid",
    "broken tags": "<<img src=//evil.invalid/z onerror=window.pwned=1//<</p><style>*{display:none}</style>",
    "entities": "&lt;img src=x onerror=window.pwned=1&gt; &#60;script&#62;window.pwned=1&#60;/script&#62;",
    "frames": '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe><object data="https://evil.invalid"></object>',
    "base and form": '<base href="https://evil.invalid/"><form action="https://evil.invalid"><input autofocus></form>',
    "markers in markers": "**`<b>`** `**<i>**` [<u> > **<s>**] **[가 > `나`]** ***a** **b***",
    "lists of markup": "\n".join(
        f"{marker} <img src=x onerror=window.pwned=1>" for marker in ("·", "1)", "#", "※", "■")
    ),
    "direction overrides": "판매자\u202e가나다\u2066라\u202d마",
    "control characters": "가\0나\x08다\x1b[31m라\ufeff",
    "one long word": "가" * LONG,
}
PATHOLOGICAL = {
    "open brackets": "[",
    "brackets with paths": "[가>",
    "backticks": "`",
    "stars": "*",
    "pairs of stars": "**가",
    "mixed": "**[`>",
    "spaces": "· ",
    "line breaks": "1)\n",
}


def show(page, text):
    """Render a text as an answer, and give how long that took in milliseconds."""
    return page.evaluate(
        """async ([text]) => {
          const { RichText, closeMarkers } = await import(new URL("static/markdown.js", document.baseURI));
          const place = document.querySelector("#transcript");
          const began = performance.now();
          new RichText(place).show(closeMarkers(text));
          return performance.now() - began;
        }""",
        [text],
    )


def test_markup_in_questions_and_answers_is_shown_as_text_and_never_runs(visit, chat):
    seller = visit(chat)
    seller.is_told(f"{HOSTILE} **{HOSTILE}** `{HOSTILE}`\n· {HOSTILE}\n[{HOSTILE} > 나]")
    assert seller.ask(QUESTION).count("<script>window.pwned = 1</script>") == 5
    seller.page.unroute_all()
    seller.ask(f"{HOSTILE} 반품 배송비")

    def check() -> None:
        expect(seller.questions.last.locator(".bubble")).to_have_text(f"{HOSTILE} 반품 배송비")
        expect(seller.page.locator("#transcript").locator("img, script, a, iframe")).to_have_count(0)
        assert seller.page.evaluate("window.pwned") is None

    check()
    seller.page.reload()
    check()


def test_nothing_is_wider_than_the_screen_however_long_its_words_are(visit, chat):
    seller = visit(chat)
    word, link = "가" * 120, f"https://sell.smartstore.naver.com/{'a' * 200}"
    lines = (f"1) {word}", f"· {link}", f"[{word} > {word}]", f"`{link}`", f"※ {word}")
    seller.ask(QUESTION)
    seller.part("sources").locator("> summary").click()
    seller.is_told("\n".join(lines))
    seller.send(f"{link} {word}")
    expect(seller.stop).to_be_hidden()
    assert seller.sideways() <= 0
    seller.page.set_viewport_size({"width": 320, "height": 700})
    assert seller.sideways() <= 0


@pytest.mark.parametrize("text", HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS)
def test_a_hostile_answer_gives_no_element_but_those_of_texts_and_no_request(visit_at_desk, chat, text):
    seller = visit_at_desk(chat)
    asked = seller.requests("")
    seller.is_told(text)
    seller.send(QUESTION)
    expect(seller.stop).to_be_hidden()
    tags = seller.answers.evaluate("(node) => [...node.querySelectorAll('*')].map((it) => it.tagName)")
    assert set(tags) <= ALLOWED
    attributes = seller.answers.evaluate(
        "(node) => [...node.querySelectorAll('*')].flatMap((it) => it.getAttributeNames())"
    )
    assert set(attributes) <= {"class", "role"}
    assert all(request.url.startswith(f"{chat.url}/v1/") for request in asked)
    assert seller.page.evaluate("window.pwned") is None
    assert seller.sideways() <= 0


def test_what_cannot_be_seen_is_left_out_so_that_a_text_reads_as_it_is_written(visit_at_desk, chat):
    seller = visit_at_desk(chat)
    seller.is_told("가\u202e나\0다\u2069라")
    assert seller.ask(QUESTION) == "가나다라"


@pytest.mark.parametrize("piece", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_rendering_takes_time_in_proportion_to_the_text_however_it_nests(visit_at_desk, chat, piece):
    page = visit_at_desk(chat).page
    show(page, piece * 100)
    short = min(show(page, piece * LONG) for _ in range(3))
    long = min(show(page, piece * LONG * 4) for _ in range(3))
    assert long < 2_000
    assert long < short * 10 + 50, "linear is 4 times as long, quadratic 16"
