"""Workers and masters are killed at random moments, again and again: nothing acknowledged is lost, twice or in part."""

import os
import random
import signal
import time
from dataclasses import replace

from sqlalchemy import text

from echs.base.clock import system_clock
from echs.clearing import run
from echs.partners import enrolment
from echs.partners.partner import Answers
from ochp14 import with_market_ids
from simulation.crowd import Crowd, reckon
from simulation.deciders import Pair, reckon_decisions

KILLS = int(os.environ.get("ECHS_KILLS", "20"))
MASTERS = 0.15
BACK_SECONDS = 5


def kill_worker(server, chance):
    workers = server.workers()
    if not workers:
        return
    try:
        os.kill(chance.choice(workers), signal.SIGKILL)
    except ProcessLookupError:
        pass  # it went by itself


def kill_master(server):
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    server.start_again()


def test_nothing_is_lost_twice_or_in_part_when_workers_and_masters_are_killed(server, context, seed):
    chance = random.Random(seed)
    outages = []
    with Crowd(server.service, seed) as crowd:
        crowd.wait_for_answer(time.monotonic(), 20)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, 0.3))
            moment = time.monotonic()
            if chance.random() < MASTERS:
                kill_master(server)
            else:
                kill_worker(server, chance)
            outages.append(crowd.wait_for_answer(moment, 30))
    print(f"{len(crowd.kept)} uploads acknowledged, {crowd.codes}, longest outage {max(outages):.1f} s")
    assert len(crowd.kept) > KILLS / 2
    reckon(crowd, context)
    assert sorted(outages)[-max(1, KILLS // 50)] < BACK_SECONDS, f"outages {sorted(outages)[-5:]}"


def test_what_partners_decide_is_kept_and_nothing_is_cleared_at_a_price_that_nobody_approved(server, context, seed):
    chance = random.Random(seed)
    with_market_ids(context)
    enrolment.change(context, "anwb", answers=Answers.EXPLICIT)
    with Crowd(server.service, seed, uploaders=1, lists=False) as crowd, Pair(server.url, seed) as pair:
        crowd.wait_for_answer(time.monotonic(), 20)
        for number in range(max(10, KILLS // 2)):
            time.sleep(chance.uniform(0, 0.4))
            moment = time.monotonic()
            if number % 7 == 6:
                kill_master(server)
            else:
                kill_worker(server, chance)
            crowd.wait_for_answer(moment, 30)
            pair.wait_for_answers(3, 30)
    ends = reckon_decisions(pair, context)
    print(f"{ends}, {pair.codes}")
    assert min(ends["cleared"], ends["given_up"], len(pair.settled), sum(map(len, pair.declined.values()))) > 0, ends
    # What was approved and acknowledged is in the next run at the latest, at the price that was approved.
    run.clear(replace(context, clock=system_clock), "test", "9" * 26)
    reckon_decisions(pair, context)
    with context.database.read() as snapshot:
        query = text("SELECT cdr.cdr_id, cost_e6 FROM cdr JOIN cdr_cleared ON cdr_cleared.cdr_id = cdr.id")
        cleared = {(cdr_id, f"{(cost or 0) // 1_000_000}.00") for cdr_id, cost in snapshot.execute(query)}
        present = set(snapshot.execute(text("SELECT cdr_id FROM cdr")).scalars())
    assert {each for each in pair.settled if each[0] in pair.sent} <= cleared
    assert present.issuperset(name for upload in crowd.kept for name in crowd.sent[upload])
    assert not crowd.wrong, crowd.wrong[:5]
