import math
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faqchat import bootstrap
from faqchat.centring import Centre, CentredEmbedder, less, load_centre
from faqchat.errors import Unavailable
from tests.fakes import WIDTH, FakeEmbedder

numbers = st.floats(-1, 1).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6))
def test_a_vector_comes_back_as_a_unit_vector_or_as_nothing(pairs):
    vector, centre = zip(*pairs, strict=True)
    length = math.hypot(*less(vector, centre))
    assert length == pytest.approx(1.0) or vector == centre


def test_what_two_texts_share_with_all_others_no_longer_makes_them_alike():
    common, one, other = (3.0, 0.0, 0.0), (3.0, 1.0, 0.0), (3.0, 0.0, 1.0)
    assert math.sumprod(less(one, common), less(other, common)) == 0.0


class TestCentredEmbedder:
    @pytest.fixture
    def centred(self):
        ahead = (1.0, *[0.0] * (WIDTH - 1))
        return CentredEmbedder(FakeEmbedder(), Centre("fake", ahead, tuple(-value for value in ahead)))

    async def test_queries_and_passages_have_a_centre_each(self, centred):
        (query,), (passage,) = await centred.queries(["정산"]), await centred.passages(["정산"])
        assert query[0] < 0 < passage[0]

    async def test_a_collection_of_plain_vectors_does_not_match(self, centred):
        centred_one, plain = await centred.fingerprint(), await FakeEmbedder().fingerprint()
        assert not centred_one.matches(plain)
        assert centred_one.slug != plain.slug

    async def test_another_width_is_refused(self):
        narrow = CentredEmbedder(FakeEmbedder(), Centre("fake", (1.0,), (1.0,)))
        with pytest.raises(Unavailable, match=f"{WIDTH} dimensions"):
            await narrow.queries(["정산"])


class TestPackage:
    def test_both_centres_are_of_one_width(self):
        centre = load_centre()
        assert len(centre.queries) == len(centre.passages) == 384

    @pytest.fixture
    def fresh_wiring(self, monkeypatch):
        wired = (bootstrap.settings, bootstrap.embedder, bootstrap.embedding_model)
        for made_once in wired:
            monkeypatch.setattr(bootstrap, made_once.__name__, cache(made_once.__wrapped__))

    @pytest.mark.usefixtures("fresh_wiring")
    @pytest.mark.parametrize(("model", "centred"), [("e5-passage", True), ("text-embedding-3-small", False)])
    def test_only_the_model_that_was_measured_is_centred(self, monkeypatch, model, centred):
        monkeypatch.setenv("FAQCHAT_EMBEDDING_PASSAGE_MODEL", model)
        assert isinstance(bootstrap.embedder(), CentredEmbedder) is centred
        assert (bootstrap.embedder() is bootstrap.embedding_model()) is not centred
