"""The simulator's own books: they are right where all is well, and see energy that is not."""

from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import text

from echs.clearing import run
from simulation.crowd import Crowd, energy_of, reckon_energy
from wire import Caller, envelope


def test_energy_is_added_up_from_what_a_body_says():
    def record(operator, provider, volume):
        parts = {"infraProviderId": operator, "serviceProviderId": provider, "volume": volume}
        return (
            "<n:cdrInfoArray>"
            + "".join(f"<n:{name}>{part}</n:{name}>" for name, part in parts.items())
            + ("</n:cdrInfoArray>")
        )

    body = record("A", "B", "1,5") + record("A", "B", "0.0001") + record("A", "C", "7")
    assert envelope(body)
    assert energy_of(body) == Counter({("A", "B"): Decimal("1.5001"), ("A", "C"): Decimal(7)})


@pytest.fixture
def played(context, cast, app):
    """Uploads that were acknowledged, of which some are in a run and some wait."""
    crowd, tnm = Crowd("http://127.0.0.1:1", 7, uploaders=1), Caller(app, "tnm")
    (back,) = [each for each in crowd.people if each.operation == "AddCDRs"]
    for number in range(1, 7):
        assert tnm.send("AddCDRs", crowd.prepare(back, number)).code == 0
        crowd.acknowledged(back, number)
        if number == 4:
            run.clear(context, "test", "a" * 26)
    return crowd


def test_the_books_agree_where_nothing_is_lost(played, context):
    assert len(played.kept) == 6
    reckon_energy(played, context)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE clearing_run_pair SET volume_e4_kwh = volume_e4_kwh + 1 WHERE provider_id = 'ANWB'",
        "UPDATE cdr SET volume_e4_kwh = volume_e4_kwh - 1 WHERE id = (SELECT max(cdr_id) FROM cdr_uncleared)",
        "UPDATE cdr SET provider_id = 'lnd' WHERE id = (SELECT max(cdr_id) FROM cdr_uncleared)",
        "DELETE FROM cdr_uncleared WHERE cdr_id = (SELECT max(cdr_id) FROM cdr_uncleared)",
    ],
)
def test_a_ten_thousandth_of_a_kilowatt_hour_too_much_or_too_little_is_seen(played, context, tampering):
    with context.database.write() as transaction:
        transaction.execute(text(tampering))
    with pytest.raises(AssertionError, match="kWh by pair"):
        reckon_energy(played, context)
