"""The gauges say of the store what is in it."""

from cast import add_cdrs, cdr
from echs.clearing import run
from echs.partners import enrolment
from echs.serving import store_metrics
from echs.serving.store_metrics import store_samples


def read(context):
    with context.database.read() as snapshot:
        return {(gauge.name, labels): value for gauge, labels, value in store_samples(snapshot, context.clock())}


def test_cdrs_are_pending_or_held_or_neither_and_the_oldest_has_its_age(context, cast, clock):
    nobodys = [cdr(number, provider_id="nobody") for number in (4, 5)]
    add_cdrs(context, cast.tnm, iter([*map(cdr, range(1, 4)), *nobodys]), "a" * 26, context.lists)
    clock.turn(seconds=90)
    found = read(context)
    assert found[store_metrics.PENDING.name, ()] == 3
    assert found[store_metrics.HELD.name, ()] == 2
    assert found[store_metrics.OLDEST.name, ()] == 90
    run.clear(context, "test", "b" * 26)
    found = read(context)
    assert (found[store_metrics.PENDING.name, ()], found[store_metrics.HELD.name, ()]) == (0, 2)
    assert found[store_metrics.RUNS.name, ()] == 1
    enrolment.disable(context, "anwb")
    add_cdrs(context, cast.tnm, iter([cdr(6), cdr(7, provider_id="ladenetz.de")]), "c" * 26, context.lists)
    found = read(context)
    assert (found[store_metrics.PENDING.name, ()], found[store_metrics.HELD.name, ()]) == (1, 3)
