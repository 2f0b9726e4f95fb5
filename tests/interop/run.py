"""``make interop``: clients that nobody here wrote play the roaming day, each generated from the served WSDLs.

Every client plays it under each contract and in each version of SOAP, against a server process of its own with a fresh
store, and every value that comes back is compared; and exchanges tokens by OCHP 1.4. How each connects is taken from its
page in docs, word for word. Prints a table; exit code 1 when something differs or a client could not be had.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import numeric_pins  # noqa: E402
import tokens14  # noqa: E402
from day import Differs, Step, compared, day  # noqa: E402

from echs.protocols.ochp02.contracts import CONTRACTS, Contract  # noqa: E402
from programs import Missing, install  # noqa: E402
from servers import Server  # noqa: E402
from serving import serving  # noqa: E402

VERSIONS = ("1.1", "1.2")
NUMERIC_PINS = "gSOAP with pins as numbers"
CLIENT_SECONDS = 120
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Client:
    """A SOAP client: its page, the language and file name of the code there, how it is started, what it needs."""

    name: str
    page: str
    language: str
    connect_file: str
    command: list[str]
    # The same for OCHP 1.4.
    command14: list[str]
    prepare: Callable[[], str]


def prepare_zeep() -> str:
    """zeep comes with the tools of the tests."""
    import zeep

    return zeep.__version__


def prepare_node() -> str:
    """soap for node, from its lock file."""
    if shutil.which("npm") is None:
        install("nodejs", "npm")
    place = HERE / "node"
    stamp = place / "node_modules" / ".package-lock.json"
    lock = place / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], place)
    return json.loads((place / "node_modules" / "soap" / "package.json").read_text())["version"]


def prepare_php() -> str:
    """PHP with its soap extension, from the distribution."""
    if shutil.which("php") is None or "soap" not in output(["php", "-m"]).split():
        install("php-cli", "php-soap")
    return output(["php", "-r", "echo PHP_VERSION;"])


def run(command: list[str], place: Path) -> None:
    """One command, or what it said."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    if done.returncode:
        raise Missing(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-400:]}")


def output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def doors(server: Server, expected: int) -> list[str]:
    """By which version of SOAP each request came in, as the server's log has it; a line is there after its answer."""
    end = time.monotonic() + 5
    while True:
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
        found = [line["channel"] for line in lines if line["event"] == "request" and line["channel"] != "http"]
        if len(found) >= expected or time.monotonic() > end:
            return found
        time.sleep(0.05)


CLIENTS = (
    Client(
        "zeep",
        "zeep.md",
        "python",
        "connect.py",
        [sys.executable, str(HERE / "zeep_client.py")],
        [sys.executable, str(HERE / "zeep_client14.py")],
        prepare_zeep,
    ),
    Client(
        "soap for node",
        "node-soap.md",
        "javascript",
        "connect.js",
        ["node", str(HERE / "node" / "client.js")],
        ["node", str(HERE / "node" / "client14.js")],
        prepare_node,
    ),
    Client(
        "PHP SoapClient",
        "php.md",
        "php",
        "connect.php",
        ["php", str(HERE / "php" / "client.php")],
        ["php", str(HERE / "php" / "client14.php")],
        prepare_php,
    ),
)


def play(client: Client, contract: Contract, version: str) -> int:
    """Play the day; how many values were compared.

    :raises Differs: a value is not what it should be, or the client failed
    """
    steps = day(contract).steps
    with tempfile.TemporaryDirectory(prefix="echs-interop-") as name:
        directory = Path(name)
        connect = directory / client.connect_file
        connect.write_text(code_of(client))
        with serving(directory) as server:
            told = {
                "wsdl": f"{server.url}{contract.path}?wsdl{'=1.2' if version == '1.2' else ''}",
                "soap": version,
                "header": contract.identity_header,
                "part": contract.identity_part,
                "steps": [{"who": s.who, "operation": s.operation, "members": s.members} for s in steps],
            }
            environment = {**os.environ, "NODE_PATH": str(HERE / "node" / "node_modules"), "NO_PROXY": "127.0.0.1"}
            done = subprocess.run(
                [*client.command, str(connect)],
                input=json.dumps(told),
                capture_output=True,
                text=True,
                check=False,
                timeout=CLIENT_SECONDS,
                env=environment,
            )
            if done.returncode:
                raise Differs(f"the client ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
            count = compare(steps, json.loads(done.stdout))
            spoken = doors(server, len(steps))
            if spoken != [f"soap-{version}"] * len(steps):
                raise Differs(f"the server was spoken to in {sorted(set(spoken))}, {len(spoken)} times")
            return count


def code_of(client: Client) -> str:
    """The first piece of code on the client's page."""
    text = (ROOT / "docs" / "clients" / client.page).read_text()
    return re.search(rf"```{client.language}\n(.*?)```", text, re.DOTALL)[1]


def compare(steps: list[Step], answers: list[dict]) -> int:
    """Every value of every answer, and every statement behind a link."""
    if len(answers) != len(steps):
        raise Differs(f"{len(answers)} answers to {len(steps)} calls")
    count = 0
    for number, (step, answer) in enumerate(zip(steps, answers, strict=True), 1):
        count += compared(step.expected, answer, f"call {number}, {step.operation} of {step.who}")
        if answer.get("docLink"):
            document = requests.get(answer["docLink"], timeout=30)
            if document.status_code != 200 or not document.content.startswith(b"%PDF"):
                raise Differs(f"call {number}: the link opens no statement: HTTP {document.status_code}")
            count += 1
    return count


def told_of_numeric_pins(out: Console) -> list[str]:
    """Play the client with the types of 2012 and print what came of it; what failed."""
    try:
        version = numeric_pins.prepare()
        count = numeric_pins.play()
    except (Missing, numeric_pins.NotRead, subprocess.TimeoutExpired) as error:
        return [f"{NUMERIC_PINS}: {error}"]
    out.print(f"gSOAP {version}, pins as numbers (the WSDL before August 2013): ok, {count} values", highlight=False)
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*(client.name for client in CLIENTS), NUMERIC_PINS]
    parser.add_argument("--client", choices=names, help="only this one")
    wanted = parser.parse_args().client
    chosen = [client for client in CLIENTS if wanted in (None, client.name)]
    out = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title="Interoperability: the roaming day, every value compared", title_justify="left")
    table.add_column("client")
    for contract in CONTRACTS:
        for version in VERSIONS:
            table.add_column(f"{contract.path}\nSOAP {version}")
    table.add_column("OCHP 1.4\nall")
    failures = []
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("playing", total=len(chosen) * (len(CONTRACTS) * len(VERSIONS) + 1))
        for client in chosen:
            cells = []
            try:
                title = f"{client.name} {client.prepare()}"
            except Missing as problem:
                title, cells = client.name, ["not run"] * 5
                failures.append(f"{client.name}: {problem}")
            missing = bool(cells)
            for contract in () if missing else CONTRACTS:
                for version in VERSIONS:
                    try:
                        cells.append(f"ok, {play(client, contract, version)} values")
                    except Differs as differs:
                        cells.append("differs")
                        failures.append(f"{client.name}, {contract.path}, SOAP {version}: {differs}")
                    progress.advance(task)
            if not missing:
                try:
                    count = tokens14.play(client.command14, client.language, client.connect_file)
                    cells.append(f"ok, {count} values")
                except Differs as differs:
                    cells.append("differs")
                    failures.append(f"{client.name}, OCHP 1.4: {differs}")
                progress.advance(task)
            table.add_row(title, *cells)
    if chosen:
        out.print(table)
    if wanted in (None, NUMERIC_PINS):
        failures += told_of_numeric_pins(out)
    for failure in failures:
        out.print(failure, markup=False, highlight=False)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
