"""The comparison of the interoperability test finds what differs: a test that cannot fail is none."""

import copy

import pytest

from echs.protocols.ochp02.contracts import CONTRACTS, DEPLOYED
from interop.day import Differs, Like, compared, day


def answer_of(expected):
    """An answer that is just as expected, as a client could give it."""
    if isinstance(expected, Like):
        return {"^[0-9a-f]{64}$": "0" * 64, "^$": None}.get(expected.pattern, readable(expected.pattern))
    if isinstance(expected, dict):
        return {name: answer_of(value) for name, value in expected.items()}
    if isinstance(expected, list):
        return [answer_of(value) for value in expected] or None
    return None if expected == "" else expected


def readable(pattern: str) -> str:
    """A text that one of the day's patterns matches."""
    if pattern.startswith("^http"):
        return "http://127.0.0.1:1/statements/x.pdf"
    return pattern.replace("\\", "").removeprefix("^")


def places(value, path=()):
    """Every single value of an answer."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for position, member in enumerate(value):
            yield from places(member, (*path, position))
    else:
        yield path


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_every_single_value_that_differs_is_found(contract):
    changed = 0
    for step in day(contract).steps:
        right = answer_of(step.expected)
        assert compared(step.expected, right, "") > 0
        for path in places(right):
            wrong = copy.deepcopy(right)
            place = wrong
            for name in path[:-1]:
                place = place[name]
            if isinstance(place[path[-1]], str) and path[-1] == "resultDescription":
                place[path[-1]] = "?"
                if step.expected.get("result", step.expected)["resultDescription"].pattern == "":
                    continue
            else:
                place[path[-1]] = "something else"
            with pytest.raises(Differs):
                compared(step.expected, wrong, "")
            changed += 1
    assert changed > 300


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, "1"),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, None),
        ([1], []),
        ([1], {"0": 1}),
        ([1], 1),
        ([], [1]),
        ("", " "),
        ("a", None),
    ],
)
def test_what_is_almost_right_is_not_right(expected, got):
    with pytest.raises(Differs):
        compared(expected, got, "")


def test_the_day_of_the_deployed_contract_is_spelt_its_way():
    steps = day(DEPLOYED).steps
    assert {step.operation for step in steps} >= {"GetChargepointList", "SetChargepointList"}
    assert steps[0].expected["resultCode"] == 101
    assert len({step.operation for step in steps}) == 8
