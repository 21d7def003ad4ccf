"""The pictures of docs/images: the page in a real browser, with the sample FAQ behind it.

python -m local.screenshots                  start a chat of its own, take them, stop it
python -m local.screenshots --url URL        take them of a chat that serves the sample FAQ already
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from local.cli import SAMPLE_FAQ
from local.layout import ROOT, Layout
from local.ports import port_holder
from local.servers import services

IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STATE = ROOT / ".local" / "screenshots"  # kept, so that the sample is embedded once
MAX_BYTES = 150_000
PORTS = range(8300, 9300, 20)  # one of them has all that a stack needs
START_TIMEOUT_S = 600.0  # the first start embeds the sample
QUESTION = "반품 배송비는 누가 내나요?"


class Unable(Exception):
    """Pictures cannot be taken; the message says why, to a person."""


class Shot(NamedTuple):
    """One picture: the screen, and how many offers are taken up before it is taken."""

    name: str
    screen: dict[str, Any]
    offers: int = 0


SHOTS = (
    Shot("desktop", {"viewport": {"width": 1280, "height": 860}}),
    Shot("phone", {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}),
    Shot("dark", {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}, offers=1),
)


def take(url: str, folder: Path) -> list[Path]:
    """A picture of each screen. Raises `Unable`."""
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 # of the dev group
    except ImportError as error:
        raise Unable("playwright is not installed; `make install` installs it") from error
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise Unable(f"there is no {', '.join(BROWSERS[:-1])} or {BROWSERS[-1]} on the PATH")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found)
            return [_taken(browser, url, shot, folder / f"{shot.name}.png") for shot in SHOTS]
    except Error as error:
        raise Unable(f"the page is not what it was expected to be: {error}") from error


def _taken(browser: Any, url: str, shot: Shot, path: Path) -> Path:
    context = browser.new_context(**shot.screen, reduced_motion="reduce", locale="ko-KR")
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id("composer").fill(QUESTION)
    page.get_by_test_id("send").click()
    for turn in range(1 + shot.offers):
        if turn:
            page.get_by_test_id("followup").first.click()
        page.get_by_test_id("answer").nth(turn).wait_for()
        page.get_by_test_id("send").wait_for()  # in the place of the button that stops an answer
        page.get_by_test_id("followup").last.wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled")
    context.close()
    if path.stat().st_size > MAX_BYTES:
        raise Unable(f"{path.name} has more than {MAX_BYTES:,} bytes")
    return path


@contextmanager
def _chat_of_the_sample() -> Iterator[str]:
    """The address of a chat of our own, which is stopped at the end."""
    layout = _free_layout(STATE)
    own = [sys.executable, "-m", "local", "--port", str(layout.port), "--state", str(STATE)]
    up = subprocess.Popen([*own, "up", "--faq", str(SAMPLE_FAQ)], cwd=ROOT)
    try:
        _await_ready(up, layout.chat_url)
        yield layout.chat_url
    finally:
        up.terminate()
        up.wait()


def _free_layout(state: Path) -> Layout:
    for layout in (Layout(state, port) for port in PORTS):
        if not any(map(port_holder, [layout.port, *(server.port for server in services(layout))])):
            return layout
    raise Unable(f"no ports are free from {PORTS.start} to {PORTS.stop}")


def _await_ready(up: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if up.poll() is not None:
            raise Unable("the chat could not be started; what it says stands above")
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise Unable(f"the chat was not ready after {START_TIMEOUT_S:.0f} s")


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m local.screenshots", description="The pictures of docs/images.")
    parser.add_argument("--url", help="a chat that serves the sample FAQ already; default: one of our own")
    arguments = parser.parse_args()
    try:
        with nullcontext(arguments.url) if arguments.url else _chat_of_the_sample() as url:
            for path in take(url, IMAGES):
                print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    except Unable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
