"""CDRs of OCHP 0.2 that name a contract and no card: they go out with the contract's only token, if it has one."""

import hashlib

import pytest

from cast import cdr, token
from cdrs14 import fetched_and_confirmed, got
from echs.partners import connections
from echs.partners.connection import ConnectionMode
from ochp14 import Caller14, O, token14
from wire import Caller

CARD = "04A1B2C3D4E5F6"
CONTRACT = "NL-TNM-C00122045-K"


def emt_ids(caller: Caller14, operation: str = "GetCDRs") -> list[tuple[str, str, str]]:
    """Of each CDR that a partner downloads representation, instance and token type."""
    found = [each.find(f"{O}emtId") for each in got(caller, operation=operation).values()]
    return [(each.get("representation"), each[0].text, each[1].text) for each in found]


@pytest.fixture
def cardless(house):
    """A CDR of OCHP 0.2 that names a contract and no card."""
    sent = cdr(1, operator_id="ladenetz.de", provider_id="TheNewMotion", contract_id=CONTRACT, token_id="")
    assert Caller(house, "lnd").upload("AddCDRs", sent).code == 0


def card14(number: int, **other: str):
    return token14(number, contract_id=CONTRACT, **other)


def test_a_cdr_that_names_no_card_goes_out_with_the_only_one_of_its_contract(house, cardless):
    provider = Caller14(house, "tnm")
    (remote,) = emt_ids(provider)
    assert remote[2] == "remote"
    provider.set(card14(1, instance=CARD), token14(2))
    assert emt_ids(provider) == [("plain", CARD, "rfid")]
    # Without the check digit it is the same contract; published hashed, that is what it is called.
    hashed = hashlib.sha256(CARD.encode()).hexdigest()
    provider.set(card14(1, instance=hashed, representation="sha-256")._replace(contract_id=CONTRACT[:-2]), token14(2))
    assert emt_ids(provider) == [("sha-256", hashed, "rfid")]


def test_of_several_cards_of_a_contract_none_is_named(house, cardless):
    provider = Caller14(house, "tnm")
    provider.set(card14(1, instance=CARD), card14(2))
    assert [kind for _, _, kind in emt_ids(provider)] == ["remote"]
    provider.set(token14(2), token14(3))
    assert [kind for _, _, kind in emt_ids(provider)] == ["remote"]


def test_the_only_card_of_a_contract_that_ochp_14_cannot_say_is_not_said(house, cardless):
    kept = token(1, contract_id=CONTRACT, token_id=CARD, pin_mandatory=1, activated=1)
    Caller(house, "tnm").upload("SetRoamingAuthorisationList", kept)
    assert [kind for _, _, kind in emt_ids(Caller14(house, "tnm"))] == ["remote"]
    Caller(house, "tnm").upload("SetRoamingAuthorisationList", kept._replace(pin_mandatory=0))
    assert emt_ids(Caller14(house, "tnm")) == [("plain", CARD, "rfid")]


def test_who_does_not_see_the_list_of_the_provider_is_told_of_no_card(house, context, cardless):
    provider, operator = Caller14(house, "tnm"), Caller14(house, "lnd")
    provider.set(card14(1, instance=CARD))
    fetched_and_confirmed(
        provider, *[("declined", key, each.findtext(f"{O}evseId")) for key, each in got(provider).items()]
    )
    assert emt_ids(operator, "CheckCDRs") == [("plain", CARD, "rfid")]
    connections.set_mode(context, ConnectionMode.CLOSED)
    assert [kind for _, _, kind in emt_ids(operator, "CheckCDRs")] == ["remote"]


def test_a_card_that_is_named_is_not_replaced_by_the_only_one(house):
    provider = Caller14(house, "tnm")
    provider.set(card14(1, instance=CARD))
    for number, (sent, kind) in enumerate((("04A1B2C3D4E5F7", "rfid"), ("no card", "remote")), 1):
        Caller(house, "lnd").upload(
            "AddCDRs",
            cdr(number, operator_id="ladenetz.de", provider_id="TheNewMotion", contract_id=CONTRACT, token_id=sent),
        )
        assert CARD not in [instance for _, instance, _ in emt_ids(provider)]
        assert kind in [found for _, _, found in emt_ids(provider)]
