"""docs/api.md is what the code is."""

import json
import re

from faqchat.events import EVENT
from functions.chat.app import app
from local import api_document

PAGE = api_document.DOCUMENT.read_text("utf-8")


def test_it_is_made_from_the_code_as_it_is_now():
    assert api_document.document() == PAGE, "`make api-docs` writes docs/api.md again"


def test_it_has_every_address_with_a_call():
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            section = PAGE.partition(f"\n### {method.upper()} {path}\n")[2].partition("\n### ")[0]
            assert "curl http://127.0.0.1:8000/" in section, f"{method} {path}"


def test_every_link_leads_to_a_heading():
    headings = {
        api_document._link(line.lstrip("# ")).partition("(#")[2][:-1] for line in re.findall("^#.*", PAGE, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert len(links) > 30
    assert links <= headings


def test_its_events_are_what_a_client_could_receive():
    told = re.findall(r"^data: (.+)$", PAGE, re.MULTILINE)
    assert len(told) == 6
    for line in told:
        EVENT.validate_python(json.loads(line))
