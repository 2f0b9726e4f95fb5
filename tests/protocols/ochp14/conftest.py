"""A house whose partners have market ids, and back ends of theirs that speak OCHP 1.4."""

import pytest

from ochp14 import Caller14, with_market_ids


@pytest.fixture
def house(app, context, cast):
    with_market_ids(context)
    return app


@pytest.fixture
def tnm(house):
    return Caller14(house, "tnm")


@pytest.fixture
def lnd(house):
    return Caller14(house, "lnd")


@pytest.fixture
def anwb(house):
    return Caller14(house, "anwb")
