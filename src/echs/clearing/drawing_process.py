"""Drawing a large statement in a process of its own: what it takes of memory goes back to the system when it is done,
the threads of the server go on, and it can be ended when it takes too long.

The process is this module, run as a program: it reads one order as JSON, with the address of the store and its password
in it (so not as an argument, which other users of the system could see), and writes the statement to its output.
"""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

from sqlalchemy import make_url

from echs.base.clock import system_clock
from echs.base.context import Context
from echs.base.database import Database
from echs.base.limits import Limits

log = logging.getLogger(__name__)

# From so many lines on a statement is large. Below, to start a process costs more than the drawing.
LINES = 5000
TOLD_CHARACTERS = 2000


class DrawingFailed(Exception):
    """The process did not draw the statement, or not in time."""


def draw_in_process(context: Context, partner_id: int, run_numbers: Sequence[int], form: str, file: BinaryIO) -> None:
    """Have the statement of a partner about these runs drawn into ``file``, which must be one of the system's.

    :raises DrawingFailed: it took longer than ``statement_seconds``, or ended with an error, which is logged
    """
    seconds = context.limits.statement_seconds
    order = {
        "url": context.database.url.render_as_string(hide_password=False),
        "limits": asdict(context.limits),
        "partner_id": partner_id,
        "runs": list(run_numbers),
        "form": form,
    }
    command = [sys.executable, "-P", "-m", "echs.clearing.drawing_process"]
    # The command is ours, nothing of the order is in it.
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=file.fileno(), stderr=subprocess.PIPE
    ) as process:
        try:
            _, told = process.communicate(json.dumps(order).encode(), timeout=seconds)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise DrawingFailed(f"a statement was not drawn within {seconds} s") from None
            raise
    if process.returncode:
        log.error("a statement could not be drawn: %s", told.decode(errors="replace")[-TOLD_CHARACTERS:])
        raise DrawingFailed(f"the process ended with {process.returncode}")


def main() -> None:
    """Carry out the order that stands on standard input."""
    from echs.clearing.statement_builder import DRAWERS, build

    order = json.loads(sys.stdin.buffer.read())
    limits = Limits(**order["limits"])
    # Who ordered it may be gone.
    signal.alarm(limits.statement_seconds + 1)
    context = Context(Database(make_url(order["url"])), system_clock, limits)
    statement, _ = build(context, order["partner_id"], order["runs"])
    with open(sys.stdout.fileno(), "wb", closefd=False) as file:
        DRAWERS[order["form"]](statement, file)
    context.database.close()


if __name__ == "__main__":
    main()
