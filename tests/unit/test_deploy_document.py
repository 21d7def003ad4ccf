"""docs/deploy.md names what is there: parameters, outputs and alarms of the template, functions, targets, files."""

import re
import tomllib

import pytest

from local.layout import ROOT

DOCUMENT = (ROOT / "docs" / "deploy.md").read_text("utf-8")
TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
CLOUDFRONTS_OWN = {"CachingDisabled", "AllViewerExceptHostHeader"}


def test_every_name_of_the_template_is_one():
    quoted = re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)[`=]", DOCUMENT)
    assert len(set(quoted)) > 20
    assert [name for name in quoted if name not in CLOUDFRONTS_OWN and f"  {name}:" not in TEMPLATE] == []


def test_every_target_is_one():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", DOCUMENT, re.MULTILINE))
    assert {"build", "deploy"} <= named <= targets


def test_the_environment_is_the_one_that_the_commands_name():
    prod = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))["prod"]["deploy"]["parameters"]
    assert (prod["stack_name"], prod["region"]) == ("faqchat-prod", "ap-northeast-2")
    for function in re.findall(r"faqchat-prod-(stream|ingest)\b", DOCUMENT):
        assert f"FunctionName: !Sub ${{AWS::StackName}}-{function}" in TEMPLATE
    assert "BucketName: !Sub ${AWS::StackName}-faq-${AWS::AccountId}" in TEMPLATE


@pytest.mark.parametrize("page", ["clients.md", "deploy.md"])
def test_every_link_and_file_leads_somewhere(page):
    document = (ROOT / "docs" / page).read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", document)
    named = re.findall(r"`((?:tests|functions|local)/[\w./-]+\.\w+)`", document)
    missing = [name for name in linked if not (ROOT / "docs" / name).exists()]
    assert missing + [name for name in named if not (ROOT / name).exists()] == []
