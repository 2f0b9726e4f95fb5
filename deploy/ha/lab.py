"""The failover set-up of this directory on one machine: etcd, Patroni with PostgreSQL, HAProxy, all on loopback.

The files are those for real hosts, as they are: what differs comes from the environment, as it does there. Run it by
hand, or use `Lab` in a test:

    with Lab(directory) as lab:
        url = lab.url
        lab.kill_primary()
        lab.wait_ready()
        lab.restart_dead()

    python3 lab.py up DIRECTORY
    python3 lab.py status|kill-primary|freeze-primary|crash-primary|thaw|switchover|down DIRECTORY
    python3 lab.py restart DIRECTORY NODE
"""

import argparse
import base64
import contextlib
import grp
import json
import os
import pwd
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
POSTGRES_DIRECTORIES = "/usr/lib/postgresql/*/bin"
STATE_FILE = "lab.json"
# Below the range from which the system takes ports for outgoing connections: a port of a node that is down stays free.
PORTS = range(18_000, 32_000)
SYSTEM_PATHS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
START_SECONDS = 120
STOP_SECONDS = 20


class LabError(Exception):
    """The lab did not become what was asked for, in the time that it had."""


class Lab:
    """A cluster in a directory. `up` and `down` bound its life; as a context manager it does both.

    :param nodes: data nodes, 2 or 3
    :param etcds: members of etcd, 1 or 3
    """

    def __init__(self, directory: Path | str, nodes: int = 3, etcds: int = 1) -> None:
        if nodes not in (2, 3) or etcds not in (1, 3):
            raise ValueError("2 or 3 nodes, 1 or 3 members of etcd")
        self.directory = Path(directory).absolute()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._state: dict[str, Any] = {
            "nodes": [f"db{number + 1}" for number in range(nodes)],
            "etcds": [f"etcd{number + 1}" for number in range(etcds)],
            "processes": {},
            "frozen": [],
            "leftovers": [],
        }

    @classmethod
    def opened(cls, directory: Path | str) -> "Lab":
        """The lab that another process brought up in this directory."""
        lab = cls(directory)
        try:
            lab._state = json.loads((lab.directory / STATE_FILE).read_text())
        except OSError:
            raise LabError(f"there is no lab in {lab.directory}") from None
        return lab

    @staticmethod
    def missing() -> list[str]:
        """The programs that a lab needs and this machine does not have."""
        wanted = ["etcd", "patroni", "haproxy"]
        lacks = [name for name in wanted if program(name) is None]
        if postgres_directory() is None:
            lacks.append("postgresql")
        if os.geteuid() == 0 and unprivileged() is None:
            lacks.append("a user postgres or nobody")
        return lacks

    def __enter__(self) -> "Lab":
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    # What a lab is

    @property
    def url(self) -> str:
        """The database URL of the app, which leads to whoever is primary."""
        return self._app_url(self._state["ports"]["haproxy"])

    def node_url(self, node: str) -> str:
        """The same, past HAProxy to one node, whatever it is now."""
        return self._app_url(self._state["ports"][f"{node} postgres"])

    def _app_url(self, port: int) -> str:
        return f"postgresql://echs:{self._state['passwords']['app']}@127.0.0.1:{port}/echs"

    @property
    def nodes(self) -> list[str]:
        """The names of the data nodes."""
        return list(self._state["nodes"])

    def members(self) -> list[dict[str, Any]]:
        """What Patroni says of the nodes, from the first that answers: name, role, state, timeline, lag."""
        for node in self.nodes:
            if not self.is_dead(node) and node not in self._state["frozen"]:
                with contextlib.suppress(OSError, ValueError):
                    answer = self._ask(node, "/cluster", method="GET")
                    return list(json.loads(answer).get("members", []))
        return []

    def primary(self) -> str | None:
        """The node that may be written to, as Patroni has it."""
        return self._first_with("leader")

    def synchronous(self) -> str | None:
        """The standby that every COMMIT waits for."""
        return self._first_with("sync_standby")

    def _first_with(self, role: str) -> str | None:
        running = ("running", "streaming")
        names = (each["name"] for each in self.members() if each["role"] == role and each["state"] in running)
        return next(names, None)

    def is_ready(self) -> bool:
        """Whether there is a primary behind HAProxy, and a synchronous standby if a second node is alive."""
        primary = self.primary()
        alive = [node for node in self.nodes if not self.is_dead(node) and node not in self._state["frozen"]]
        if primary is None or (len(alive) > 1 and self.synchronous() is None):
            return False
        try:
            return self.sql("SELECT pg_is_in_recovery()", superuser=True, timeout=5) == [["f"]]
        except LabError:
            return False

    def status(self) -> str:
        """For people: the nodes, and what they are."""
        known = {each["name"]: each for each in self.members()}
        lines = [f"{'node':6} {'process':8} {'role':13} {'state':10} {'timeline':8} lag"]
        for node in self.nodes:
            each = known.get(node, {})
            process = "dead" if self.is_dead(node) else "frozen" if node in self._state["frozen"] else "alive"
            told = (str(each.get(name, "-")) for name in ("role", "state", "timeline"))
            lines.append("{:6} {:8} {:13} {:10} {:8} {}".format(node, process, *told, each.get("lag", "-")))
        return "\n".join(lines)

    def sql(
        self, statement: str, *, node: str | None = None, superuser: bool = False, timeout: float = 60
    ) -> list[list[str]]:
        """The rows of a statement, as texts; through HAProxy, or at one node."""
        port = self._state["ports"]["haproxy" if node is None else f"{node} postgres"]
        user, database, secret = ("postgres", "postgres", "superuser") if superuser else ("echs", "echs", "app")
        arguments = [
            str(Path(self._postgres) / "psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--quiet",
            "--field-separator=\t", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", f"--port={port}",
            f"--username={user}", f"--dbname={database}",
        ]  # fmt: skip
        environment = {
            **base_environment(),
            "PGPASSWORD": self._state["passwords"][secret],
            "PGCONNECT_TIMEOUT": "5",
            "PGOPTIONS": f"-c statement_timeout={int(timeout)}s",
        }
        try:
            done = subprocess.run(
                arguments, input=statement, env=environment, capture_output=True, text=True, timeout=timeout + 6
            )
        except subprocess.TimeoutExpired:
            raise LabError("the database did not answer") from None
        if done.returncode:
            raise LabError(done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    # Its life

    def up(self) -> None:
        """Start everything; come back when there is a primary with a synchronous standby and every node is in.

        :raises LabError: it did not come up in time; nothing is left running
        """
        if lacks := self.missing():
            raise LabError(f"not installed: {', '.join(lacks)}")
        if (self.directory / STATE_FILE).exists():
            raise LabError(f"there is a lab in {self.directory} already")
        self.directory.mkdir(parents=True, exist_ok=True)
        # Directories of tests are their owner's alone; the unprivileged user needs one that it can reach.
        home = Path(tempfile.mkdtemp(prefix="echs-ha-"))
        home.chmod(0o711)
        self._state["home"] = str(home)
        names = ["haproxy", "state"]
        names += [f"{etcd} {kind}" for etcd in self._state["etcds"] for kind in ("client", "peer")]
        names += [f"{node} {kind}" for node in self.nodes for kind in ("postgres", "rest")]
        self._state["ports"] = dict(zip(names, free_ports(len(names)), strict=True))
        kinds = ("superuser", "replication", "rewind", "rest", "app")
        self._state["passwords"] = {kind: secrets.token_hex(16) for kind in kinds}
        try:
            self._save()
            for etcd in self._state["etcds"]:
                self._start_etcd(etcd)
            self._wait(self._etcd_answers, "etcd", 30)
            for node in self.nodes:
                self._start_node(node)
            self._start_haproxy()
            self._wait(self._all_stream, "a primary with a synchronous standby", START_SECONDS)
            self._make_database()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Stop everything and delete it."""
        self._thaw()
        processes = self._state["processes"]
        for name in self.nodes:
            self._signal(processes.get(name), signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and not all(self.is_dead(node) for node in self.nodes):
            time.sleep(0.1)
        for node in self.nodes:
            self._kill_node(node)
        for name in list(processes):
            self._signal(processes[name], signal.SIGKILL)
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
        self._remove_shared_memory()
        if home := self._state.get("home"):
            shutil.rmtree(home, ignore_errors=True)
        (self.directory / STATE_FILE).unlink(missing_ok=True)

    def log(self, name: str) -> str:
        """What a process printed: of a node, a member of etcd, or haproxy."""
        return (self._home / f"{name}.log").read_text(errors="replace")

    def wait_ready(self, seconds: float = 60) -> float:
        """Until writes are possible again and are synchronous again where they can be; the seconds it took."""
        began = time.monotonic()
        self._wait(self.is_ready, "a primary", seconds)
        return time.monotonic() - began

    # What can go wrong

    def kill_primary(self) -> str:
        """Kill Patroni and its PostgreSQL at once, as a power cut would; the node's name."""
        node = self._need_primary()
        self._kill_node(node)
        return node

    def crash_primary(self) -> str:
        """Kill the PostgreSQL of the primary; its Patroni lives and starts it again."""
        node = self._need_primary()
        for pid in self._postgres_pids(node):
            kill(pid, signal.SIGKILL)
        return node

    def freeze_primary(self) -> str:
        """Stop every process of the primary where it is: nothing answers and nothing is closed."""
        node = self._need_primary()
        self._state["frozen"].append(node)
        self._save()
        self._signal(self._state["processes"][node], signal.SIGSTOP)
        for pid in self._postgres_pids(node):
            kill(pid, signal.SIGSTOP)
        return node

    def thaw(self, seconds: float = 90) -> None:
        """Let frozen nodes go on, and wait until they have found their place."""
        self._thaw()
        self._wait(self._all_stream, "the frozen nodes", seconds)

    def kill_etcd(self, name: str) -> None:
        """Kill one member of etcd."""
        self._signal(self._state["processes"][name], signal.SIGKILL)

    def restart(self, name: str, seconds: float = 90) -> None:
        """Start a dead node, or a dead member of etcd, again and wait until it has found its place."""
        if name in self._state["etcds"]:
            self._start_etcd(name)
            self._wait(self._etcd_answers, "etcd", seconds)
            return
        if name not in self.nodes:
            raise LabError(f"there is no {name}")
        if not self.is_dead(name):
            raise LabError(f"{name} is not dead")
        self._start_node(name)
        self._wait(self._all_stream, name, seconds)

    def restart_dead(self, seconds: float = 90) -> list[str]:
        """Start every dead node again and wait until they stream; their names."""
        dead = [node for node in self.nodes if self.is_dead(node)]
        for node in dead:
            self._start_node(node)
        self._wait(self._all_stream, ", ".join(dead) or "the nodes", seconds)
        return dead

    def switchover(self, seconds: float = 60) -> tuple[str, str]:
        """Make the synchronous standby primary, as planned; the names of the old and of the new one."""
        old = self._need_primary()
        new = self.synchronous()
        if new is None:
            raise LabError("there is no synchronous standby")
        order = {"leader": old, "candidate": new}
        try:
            self._ask(old, "/switchover", body=json.dumps(order).encode(), timeout=seconds)
        except urllib.error.HTTPError as error:
            raise LabError(f"Patroni refused: {error.read().decode(errors='replace')}") from None
        self._wait(lambda: self.primary() == new, f"{new} as primary", seconds)
        return old, new

    def is_dead(self, node: str) -> bool:
        """Whether neither Patroni nor PostgreSQL of this node runs."""
        return not self._runs(self._state["processes"].get(node)) and not self._postgres_pids(node)

    # How it is done

    @property
    def _home(self) -> Path:
        return Path(self._state["home"])

    @property
    def _postgres(self) -> str:
        found = postgres_directory()
        if found is None:
            raise LabError("not installed: postgresql")
        return found

    def _save(self) -> None:
        file = self.directory / STATE_FILE
        text = json.dumps(self._state, indent=1)
        # Passwords are in it.
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
            output.write(text)

    def _start(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        self._reap()
        directory = self._home / name
        directory.mkdir(mode=0o700, exist_ok=True)
        as_whom: dict[str, Any] = {}
        if (account := unprivileged()) is not None and os.geteuid() == 0:
            os.chown(directory, account.pw_uid, account.pw_gid)
            as_whom = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with (self._home / f"{name}.log").open("ab") as output:
            child = subprocess.Popen(
                arguments,
                env={**base_environment(), "HOME": str(directory), **environment},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **as_whom,
            )
        self._children[child.pid] = child
        self._state["processes"][name] = [child.pid, started(child.pid)]
        self._save()

    def _start_etcd(self, name: str) -> None:
        ports = self._state["ports"]
        client, peer = (f"http://127.0.0.1:{ports[f'{name} {kind}']}" for kind in ("client", "peer"))
        everybody = (f"{each}=http://127.0.0.1:{ports[f'{each} peer']}" for each in self._state["etcds"])
        environment = read_environment(HERE / "etcd.env") | {
            "ETCD_NAME": name,
            "ETCD_DATA_DIR": str(self._home / name / "data"),
            "ETCD_LISTEN_CLIENT_URLS": client,
            "ETCD_ADVERTISE_CLIENT_URLS": client,
            "ETCD_LISTEN_PEER_URLS": peer,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
            "ETCD_INITIAL_CLUSTER": ",".join(everybody),
        }
        self._start(name, [need("etcd")], environment)

    def _start_node(self, node: str) -> None:
        ports, passwords = self._state["ports"], self._state["passwords"]
        postgres, rest = (f"127.0.0.1:{ports[f'{node} {kind}']}" for kind in ("postgres", "rest"))
        etcds = (f"127.0.0.1:{ports[f'{each} client']}" for each in self._state["etcds"])
        # Every name that a real host sets must be set here, so that the file is tried as well.
        own = {
            "PATRONI_NAME": node,
            "PATRONI_POSTGRESQL_LISTEN": postgres,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": postgres,
            "PATRONI_RESTAPI_LISTEN": rest,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": rest,
            "PATRONI_RESTAPI_PASSWORD": passwords["rest"],
            "PATRONI_SUPERUSER_PASSWORD": passwords["superuser"],
            "PATRONI_REPLICATION_PASSWORD": passwords["replication"],
            "PATRONI_REWIND_PASSWORD": passwords["rewind"],
        }
        environment = {
            **read_environment(HERE / "patroni.env"),
            **own,
            "PATRONI_ETCD_HOSTS": ",".join(etcds),
            "PATRONI_POSTGRESQL_BIN_DIR": self._postgres,
            "PATRONI_POSTGRESQL_DATA_DIR": str(self._data(node)),
            "PATRONI_POSTGRESQL_PGPASS": str(self._home / node / "pgpass"),
        }
        if unset := [name for name, value in environment.items() if not value]:
            raise LabError(f"not set: {unset}")
        # Patroni reads the files of a directory in their order; the one of real hosts, and what no variable can say.
        # A copy, since the unprivileged user may not be able to read the directory that this file is in.
        configuration = self._home / "patroni"
        configuration.mkdir(exist_ok=True)
        shutil.copyfile(HERE / "patroni.yml", configuration / "1.yml")
        (configuration / "2.yml").write_text("postgresql: {parameters: {unix_socket_directories: ''}}\n")
        self._start(node, [need("patroni"), str(configuration)], environment)

    def _start_haproxy(self) -> None:
        ports = self._state["ports"]
        account = (unprivileged() if os.geteuid() == 0 else None) or pwd.getpwuid(os.geteuid())
        environment = {
            "ECHS_HA_BIND": f"127.0.0.1:{ports['haproxy']}",
            "ECHS_HA_STATE": f"127.0.0.1:{ports['state']}",
            "ECHS_HA_USER": account.pw_name,
            "ECHS_HA_GROUP": grp.getgrgid(account.pw_gid).gr_name,
        }
        for number in (1, 2, 3):
            # With two nodes the third server is one that does not exist.
            environment[f"ECHS_HA_DB{number}"] = f"127.0.0.1:{ports.get(f'db{number} postgres', 1)}"
            environment[f"ECHS_HA_DB{number}_REST"] = str(ports.get(f"db{number} rest", 1))
        configuration = self._home / "haproxy.cfg"
        shutil.copyfile(HERE / "haproxy.cfg", configuration)
        self._start("haproxy", [need("haproxy"), "-db", "-f", str(configuration)], environment)

    def _make_database(self) -> None:
        """The role and the database of the app, as README.md does it by hand."""
        password = self._state["passwords"]["app"]
        self.sql(f"CREATE ROLE echs LOGIN PASSWORD '{password}'", superuser=True)
        self.sql("CREATE DATABASE echs OWNER echs", superuser=True)

    def _ask(
        self, node: str, path: str, *, method: str = "POST", body: bytes | None = None, timeout: float = 3
    ) -> bytes:
        """Patroni's answer."""
        url = f"http://127.0.0.1:{self._state['ports'][f'{node} rest']}{path}"
        user = read_environment(HERE / "patroni.env")["PATRONI_RESTAPI_USERNAME"]
        known = base64.b64encode(f"{user}:{self._state['passwords']['rest']}".encode()).decode()
        headers = {"Authorization": f"Basic {known}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return bytes(answer.read())

    def _need_primary(self) -> str:
        node = self.primary()
        if node is None:
            raise LabError("there is no primary")
        return node

    def _etcd_answers(self) -> bool:
        for etcd in self._state["etcds"]:
            url = f"http://127.0.0.1:{self._state['ports'][f'{etcd} client']}/health"
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if json.loads(answer.read()).get("health") != "true":
                        return False
            except (OSError, ValueError):
                return False
        return True

    def _all_stream(self) -> bool:
        """Every node is in, one of them as synchronous standby."""
        members = {each["name"]: each for each in self.members()}
        timelines = {each.get("timeline") for each in members.values()}
        states = {each["state"] for each in members.values()}
        return (
            set(members) == set(self.nodes)
            and states <= {"running", "streaming"}
            and len(timelines) == 1
            and self.is_ready()
        )

    def _wait(self, until: Callable[[], bool], what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise LabError(f"waited {seconds:.0f} s for {what}\n{self.status()}\n{self._ends_of_logs()}")
            time.sleep(0.25)

    def _ends_of_logs(self) -> str:
        ends = []
        for file in sorted(self._home.glob("db*.log")):
            last = file.read_text(errors="replace").splitlines()[-3:]
            ends.append("\n".join([f"--- {file.name}", *last]))
        return "\n".join(ends)

    def _data(self, node: str) -> Path:
        return self._home / node / "data"

    def _postmaster(self, node: str) -> int | None:
        """The process id of a node's PostgreSQL, if it runs."""
        try:
            pid = int((self._data(node) / "postmaster.pid").read_text().split("\n", 1)[0])
            directory = os.readlink(f"/proc/{pid}/cwd")
        except (OSError, ValueError):
            return None
        # The id of a dead one may be somebody else's by now.
        return pid if directory == str(self._data(node)) and not gone(pid) else None

    def _postgres_pids(self, node: str) -> list[int]:
        """The postmaster first, so that it starts no new ones, then its children."""
        pid = self._postmaster(node)
        return [] if pid is None else [pid, *children(pid)]

    def _kill_node(self, node: str) -> None:
        self._signal(self._state["processes"].get(node), signal.SIGKILL)
        pids = self._postgres_pids(node)
        if pids:
            self._state["leftovers"] += shared_memory(pids, self._data(node))
            self._save()
        for pid in pids:
            kill(pid, signal.SIGKILL)
        end = time.monotonic() + 5
        while time.monotonic() < end and not all(gone(pid) for pid in pids):
            time.sleep(0.02)
        self._reap()

    def _thaw(self) -> None:
        for node in self._state["frozen"]:
            for pid in self._postgres_pids(node):
                kill(pid, signal.SIGCONT)
            self._signal(self._state["processes"].get(node), signal.SIGCONT)
        self._state["frozen"] = []
        if self._state.get("home"):
            self._save()

    def _runs(self, process: list[int] | None) -> bool:
        self._reap()
        return process is not None and not gone(process[0]) and started(process[0]) == process[1]

    def _signal(self, process: list[int] | None, number: signal.Signals) -> None:
        if process is not None and self._runs(process):
            kill(process[0], number)

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]

    def _remove_shared_memory(self) -> None:
        """What a killed PostgreSQL could not give back."""
        for kind, name in self._state["leftovers"]:
            if kind == "file":
                Path(name).unlink(missing_ok=True)
            elif (remove := program("ipcrm")) is not None:
                subprocess.run([remove, "-m", name], capture_output=True, timeout=10)


def program(name: str) -> str | None:
    """Where a program is, also one for administrators."""
    return shutil.which(name, path=os.pathsep.join(SYSTEM_PATHS))


def need(name: str) -> str:
    """Where a program is.

    :raises LabError: it is not installed
    """
    found = program(name)
    if found is None:
        raise LabError(f"not installed: {name}")
    return found


def postgres_directory() -> str | None:
    """The programs of the newest PostgreSQL here."""
    found = [Path("/") / each for each in Path("/").glob(POSTGRES_DIRECTORIES.lstrip("/"))]
    found = [each for each in found if (each / "pg_rewind").exists() and each.parent.name.isdigit()]
    return str(max(found, key=lambda each: int(each.parent.name))) if found else None


def unprivileged() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root, which it refuses to be."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def base_environment() -> dict[str, str]:
    """What every program gets; nothing of a virtual environment, nothing of libpq's."""
    return {"PATH": os.pathsep.join(SYSTEM_PATHS), "LC_ALL": "C.UTF-8"}


def read_environment(file: Path) -> dict[str, str]:
    """The settings of an environment file as systemd reads it."""
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def free_ports(number: int) -> list[int]:
    """So many ports on which nobody listens."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == number:
            return found
    raise LabError("there are no free ports")


def kill(pid: int, number: signal.Signals) -> None:
    """A signal, to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def stat(pid: int) -> list[str]:
    """The fields of a process from its state on; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def started(pid: int) -> int:
    """When a process began: with its id, what tells it from a later one."""
    fields = stat(pid)
    return int(fields[19]) if fields else 0


def gone(pid: int) -> bool:
    """Whether a process is gone, or dead and not yet collected."""
    fields = stat(pid)
    return not fields or fields[0] in "ZX"


def children(parent: int) -> Iterator[int]:
    """The processes that a process started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = stat(int(entry.name))
            if fields and int(fields[1]) == parent:
                yield int(entry.name)


def shared_memory(pids: list[int], data: Path) -> list[list[str]]:
    """The shared memory of a PostgreSQL that is about to be killed: files and System V segments."""
    names: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            names.update(re.findall(r"/dev/shm/PostgreSQL\.\d+", Path(f"/proc/{pid}/maps").read_text()))
    found = [["file", name] for name in sorted(names)]
    with contextlib.suppress(OSError, IndexError):
        # The seventh line of the file: key and id.
        found.append(["segment", (data / "postmaster.pid").read_text().splitlines()[6].split()[1]])
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="The failover set-up of eCHS on this machine, to try it.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it; prints the database URL")
    up.add_argument("--nodes", type=int, choices=(2, 3), default=3)
    up.add_argument("--etcd", type=int, choices=(1, 3), default=1)
    helps = {
        "status": "the nodes, and what they are",
        "kill-primary": "kill -9 of Patroni and PostgreSQL of the primary",
        "crash-primary": "kill -9 of the PostgreSQL of the primary alone",
        "freeze-primary": "stop all processes of the primary where they are",
        "thaw": "let frozen nodes go on",
        "switchover": "make the synchronous standby primary",
        "down": "stop and delete it",
    }
    for name, text in helps.items():
        commands.add_parser(name, help=text)
    commands.add_parser("restart", help="start a dead node again")
    for command in commands.choices.values():
        command.add_argument("directory", type=Path)
    commands.choices["restart"].add_argument("node")
    given = parser.parse_args()
    try:
        if given.command == "up":
            lab = Lab(given.directory, given.nodes, given.etcd)
            lab.up()
            print(lab.url)
            return 0
        lab = Lab.opened(given.directory)
        match given.command:
            case "kill-primary" | "crash-primary" | "freeze-primary":
                print(getattr(lab, given.command.replace("-", "_"))())
            case "switchover":
                print("from {} to {}".format(*lab.switchover()))
            case "restart":
                lab.restart(given.node)
            case "thaw":
                lab.thaw()
            case "down":
                lab.down()
                return 0
        print(lab.status())
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
