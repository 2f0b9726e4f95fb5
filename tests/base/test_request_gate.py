"""Taking turns is a courtesy: it never stops anybody, and nothing is left held."""

import threading
import time

from echs.base import request_gate


def test_one_after_the_other_while_each_is_short():
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            request_gate.acquire()
            if request_gate.held():
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1
            request_gate.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    request_gate.acquire()
    assert request_gate.held()
    request_gate.release()


def test_who_waited_for_a_few_milliseconds_goes_on_without_a_turn():
    request_gate.acquire()
    went_on = []

    def impatient() -> None:
        began = time.monotonic()
        request_gate.acquire()
        went_on.append((request_gate.held(), time.monotonic() - began))
        request_gate.release()

    thread = threading.Thread(target=impatient)
    thread.start()
    thread.join(5)
    assert went_on[0][0] is False
    assert request_gate.PATIENCE_SECONDS <= went_on[0][1] < 1
    assert request_gate.held()
    request_gate.release()
    request_gate.release()
    assert not request_gate.held()
