"""Everything that a test run writes to a log, read for what must not be in any: at every level, of every process."""

import logging
import re
import tempfile
from pathlib import Path

from cast import PASSWORDS

# The tests' tokens are called so that they are found again; see `cast.token`.
SECRETS = re.compile(
    "|".join(
        [
            *map(re.escape, PASSWORDS.values()),
            "C0FFEE[0-9A-F]{8}",  # the number of a card
            r"printed [0-9]+",  # the number that is printed on it
            r"secret[0-9]+",  # its pin
            "a secret that is long enough",  # the secret key
            # Login tokens, and the signatures of links; a hash of the audit trail follows its number.
            r"(?<![0-9a-f])(?<![0-9]:)[0-9a-f]{64}(?![0-9a-f])",
        ]
    )
)

# Of the tests' own clients: they may say what they ask for.
CLIENTS = ("urllib3", "zeep", "hypothesis")

# The logs of servers that tests started.
written: set[Path] = set()


class Recorder(logging.Handler):
    """Keeps whatever is logged in this process, with all that belongs to it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with everything beside the message, and the traceback."""
        if record.name.partition(".")[0] in CLIENTS:
            return
        more = {name: value for name, value in vars(record).items() if name not in ("msg", "args", "exc_info")}
        self.file.write(f"{self.format(record)} {more}\n")

    def text(self) -> str:
        self.file.seek(0)
        return self.file.read()


def found(recorder: Recorder) -> list[str]:
    """The lines that hold a secret, of this process and of the servers."""
    lines = recorder.text().splitlines()
    for log in written:
        if log.exists():
            lines += log.read_text(errors="replace").splitlines()
    return [line[:500] for line in lines if SECRETS.search(line)]
