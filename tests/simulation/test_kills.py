"""Workers and masters are killed at random moments, again and again: nothing acknowledged is lost, twice or in part."""

import os
import random
import signal
import time

from simulation.crowd import Crowd, reckon

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
