"""The record of what was written survives whatever ends a run."""

import pytest

from faqchat.adapters.written_file import WrittenFile
from faqchat.errors import BadSource
from faqchat.events import Usage
from faqchat.expand import Written


def one(content_hash, *kept):
    return Written(
        content_hash=content_hash, model="author", prompt=1, kept=kept, rejected={"copy": ("제목\n",)}, usage=Usage()
    )


@pytest.fixture
def file(tmp_path):
    return WrittenFile(tmp_path / "state" / "written.jsonl")


def test_what_was_appended_is_read_in_its_order(file):
    assert file.read() == []
    for written in (one("a", "배송비 설정"), one("b"), one("a")):
        file.append(written)
    assert file.read() == [one("a", "배송비 설정"), one("b"), one("a")]


def test_a_line_that_a_killed_run_left_unfinished_spoils_no_other(file, tmp_path):
    file.append(one("a"))
    path = tmp_path / "state" / "written.jsonl"
    file.append(one("b", "배송비"))
    path.write_bytes(path.read_bytes()[:-20])
    file.append(one("c"))
    assert file.read() == [one("a"), one("c")]


def test_korean_is_readable_in_the_file(file, tmp_path):
    file.append(one("a", "배송비 설정"))
    assert "배송비 설정" in (tmp_path / "state" / "written.jsonl").read_text("utf-8")


def test_a_record_that_cannot_be_read_is_an_error_not_an_empty_one(tmp_path):
    with pytest.raises(BadSource, match="Is a directory"):
        WrittenFile(tmp_path).read()
