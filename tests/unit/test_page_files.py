"""The files of the page: few bytes, and nothing from elsewhere."""

import re

import pytest

from local.layout import ROOT

STATIC = ROOT / "functions" / "chat" / "static"
FILES = sorted(STATIC.iterdir())
MAX_BYTES = 60_000


def test_the_page_is_under_sixty_kilobytes_in_all():
    assert sum(len(path.read_bytes()) for path in FILES) < MAX_BYTES


def test_no_module_has_more_than_three_hundred_lines_or_so():
    assert all(len(path.read_text("utf-8").splitlines()) <= 330 for path in STATIC.glob("*.js"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline(path):
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|innerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    if path.suffix == ".html":
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", text)


def test_every_module_that_is_imported_is_there_and_every_file_is_used():
    names = {path.name for path in FILES} - {"index.html"}
    texts = "".join(path.read_text("utf-8") for path in FILES)
    used = set(re.findall(r'"(?:\./|static/)([\w.]+)"', texts))
    assert used == names
