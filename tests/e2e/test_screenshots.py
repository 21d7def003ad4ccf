"""The pictures of the README can be taken of the page as it is."""

import shutil

import pytest

from local import screenshots


@pytest.mark.skipif(
    not any(map(shutil.which, screenshots.BROWSERS)), reason="there is no chromium to drive a page with"
)
def test_a_picture_of_each_screen_is_taken_and_small_enough_to_keep(chat, tmp_path):
    pictures = screenshots.take(chat.url, tmp_path)
    assert [picture.name for picture in pictures] == ["desktop.png", "phone.png", "dark.png"]
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert 20_000 < picture.stat().st_size <= screenshots.MAX_BYTES


def test_without_a_browser_it_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(screenshots.Unable, match="there is no chromium, chromium-browser or google-chrome on the PATH"):
        screenshots.take("http://127.0.0.1:9", tmp_path)
