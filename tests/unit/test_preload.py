"""What a first question would wait for is there before it, where that is set; and what fails is tried again."""

import pytest

from faqchat import bootstrap
from faqchat.errors import Unavailable
from tests.fakes import World


@pytest.fixture
async def world(monkeypatch):
    world = await World().ingested()
    monkeypatch.setattr(bootstrap, "catalogues", lambda: world.catalogues)
    monkeypatch.setattr(bootstrap, "chat_service", lambda: world.chat)
    return world


async def test_by_default_nothing_is_loaded_at_the_start(world):
    bootstrap.preload()
    world.snapshots.down = True
    with pytest.raises(Unavailable):
        await world.catalogues.current()


async def test_the_catalogue_is_there_before_the_first_question(world, monkeypatch):
    monkeypatch.setenv("FAQCHAT_PRELOAD", "true")
    bootstrap.preload()
    world.snapshots.down = True
    assert len((await world.catalogues.current()).entries) == 6


async def test_a_store_that_is_away_does_not_keep_the_process_from_starting(world, monkeypatch):
    monkeypatch.setenv("FAQCHAT_PRELOAD", "true")
    world.snapshots.down = True
    bootstrap.preload()
    world.snapshots.down = False
    assert len((await world.catalogues.current()).entries) == 6
