"""The gauges say of the store what is in it."""

from cast import cdr
from echs import gauges
from echs.cdrs import intake
from echs.clearing import run
from echs.gauges import of_store
from echs.partners import enrolment


def read(house):
    with house.database.read() as snapshot:
        return {(gauge.name, labels): value for gauge, labels, value in of_store(snapshot, house.clock())}


def test_cdrs_are_pending_or_held_or_neither_and_the_oldest_has_its_age(house, cast, clock):
    nobodys = [cdr(number, provider_id="nobody") for number in (4, 5)]
    intake.add(house, cast.tnm, iter([*map(cdr, range(1, 4)), *nobodys]), "a" * 26, house.lists)
    clock.turn(seconds=90)
    found = read(house)
    assert found[gauges.PENDING.name, ()] == 3
    assert found[gauges.HELD.name, ()] == 2
    assert found[gauges.OLDEST.name, ()] == 90
    run.clear(house, "test", "b" * 26)
    found = read(house)
    assert (found[gauges.PENDING.name, ()], found[gauges.HELD.name, ()]) == (0, 2)
    assert found[gauges.RUNS.name, ()] == 1
    enrolment.disable(house, "anwb")
    intake.add(house, cast.tnm, iter([cdr(6), cdr(7, provider_id="ladenetz.de")]), "c" * 26, house.lists)
    found = read(house)
    assert (found[gauges.PENDING.name, ()], found[gauges.HELD.name, ()]) == (1, 3)
