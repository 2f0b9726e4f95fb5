"""Taking turns is a courtesy: it never stops anybody, and nothing is left held."""

import threading
import time

from echs.base import turn


def test_one_after_the_other_while_each_is_short():
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            turn.take()
            if turn.is_mine():
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1
            turn.stand_aside()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    turn.take()
    assert turn.is_mine()
    turn.stand_aside()


def test_who_waited_for_a_few_milliseconds_goes_on_without_a_turn():
    turn.take()
    went_on = []

    def impatient() -> None:
        began = time.monotonic()
        turn.take()
        went_on.append((turn.is_mine(), time.monotonic() - began))
        turn.stand_aside()

    thread = threading.Thread(target=impatient)
    thread.start()
    thread.join(5)
    assert went_on[0][0] is False
    assert turn.PATIENCE_SECONDS <= went_on[0][1] < 1
    assert turn.is_mine()
    turn.stand_aside()
    turn.stand_aside()
    assert not turn.is_mine()
