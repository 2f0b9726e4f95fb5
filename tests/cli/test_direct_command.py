"""``echs direct``."""

import json
from datetime import UTC, datetime

import pytest

from echs.direct import address_book
from echs.direct.endpoint import Endpoint
from echs.partners.partner import PartyRole
from echs.partners.queries import partner_of_user
from ochp14 import with_market_ids

NAMESPACE = "http://ochp.eu/1.4"
SECRET = "a secret of the day 1234"


@pytest.fixture
def book(context, cast):
    """Endpoints of today, for the command, whose clock is that of the system."""
    with_market_ids(context)
    today = datetime.now(UTC).date()
    for user_id, role, patterns in (
        ("tnm", PartyRole.OPERATOR, ("NLTNME%",)),
        ("anwb", PartyRole.PROVIDER, ("NLANWC%",)),
    ):
        endpoint = Endpoint(role, f"https://{user_id}.example", NAMESPACE, f"{SECRET} {user_id}", today, patterns)
        system = context.__class__(**{**vars(context), "clock": lambda: datetime.now(UTC)})
        address_book.add(system, context.box_key, partner_of_user(context, user_id), [endpoint], (NAMESPACE,))


def test_an_endpoint_is_found_by_an_evse_in_either_spelling_and_by_a_contract(book, echs):
    for number in ("NL*TNM*E01000851", "nltnme01000851"):
        found = json.loads(echs("direct", "find", number, "--json")[1])
        assert (found["user_id"], found["url"]) == ("tnm", "https://tnm.example")
    found = json.loads(echs("direct", "find", "--contract", "NL-ANW-C00133094-A", "--json")[1])
    assert found["user_id"] == "anwb"
    assert SECRET not in "".join(echs("direct", "find", "NL*TNM*E1")[1:])


def test_where_no_endpoint_serves_it_the_command_fails_with_a_sentence(book, echs):
    code, out, err = echs("direct", "find", "DE*LND*E1")
    assert code == 1
    assert "no endpoint serves DE*LND*E1 today" in out + err


def test_the_list_shows_everything_but_the_secrets(book, echs):
    code, out, err = echs("direct", "list")
    assert code == 0
    assert "https://tnm.example" in out
    assert "NLANWC%" in out
    assert SECRET not in out + err + echs("direct", "list", "--json")[1]
