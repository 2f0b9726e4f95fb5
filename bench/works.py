"""The works that are measured: each yields its lines, with the floor of the same run where there is one.

Figures are medians of alternating rounds. Processor seconds are those of the server's whole family of processes; on
PostgreSQL that leaves out PostgreSQL itself.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import bodies
import drive
import floors
import upgrade
from drive import Measured
from floors import Floor
from hostile import ANONYMOUS_ROUNDS, WORKER_MIB, Hostile, cost, of_nobody, of_partner
from office import PATH, Office, Wrong, office, postgres

TOKENS, POINTS = "GetRoamingAuthorisationList", "GetChargePointList"
GZIP = "Accept-Encoding: gzip\r\n"
REPEATS = 20
LOAD_SECONDS = 6
PARTNERS = 20
STORES = ("sqlite", "postgresql")
Tell = Callable[[str], None]


@dataclass
class Line:
    """One line of the table: what was measured, against what, what was wanted, and whether it was reached."""

    work: str
    what: str
    store: str
    measured: str
    floor: str = ""
    goal: str = ""
    met: bool | None = None
    figures: dict[str, Any] = field(default_factory=dict)


def middle(of: list[Measured]) -> dict[str, float]:
    """The medians of some requests, and the highest memory."""
    return {
        "wall_s": median(each.wall_s for each in of),
        "first_byte_s": median(each.first_byte_s for each in of),
        "cpu_s": median(each.cpu_s for each in of),
        "rss_mib": max(each.rss_mib for each in of),
    }


def seconds(figures: dict[str, float]) -> str:
    """Wall and processor time for a table."""
    return f"{figures['wall_s']:.3f} s, CPU {figures['cpu_s']:.3f} s"


@dataclass
class Bench:
    """Where files are kept, how many rounds there are, and whom to tell what is going on."""

    work: Path
    rounds: int
    tell: Tell

    # ------------------------------------------------------------------ lists

    def lists(self) -> Iterator[Line]:
        """W1 and W2: 100,000 tokens up and down, on SQLite."""
        program = floors.built(self.work)
        with office(self.work / "office", None, {"tnm": ("TheNewMotion", bodies.HUB)}) as server:
            token = server.login("tnm")
            self.tell("writing 100,000 tokens")
            file = bodies.token_list(self.work / "tokens.xml", 100_000, token)
            other = bodies.token_list(self.work / "all.xml", 100_000, token, changed=1)
            some = bodies.token_list(self.work / "some.xml", 100_000, token, changed=100)
            daily, same = [], []
            up, down, floor, plain, parsed = [], [], [], [], []
            floors.run(program, "replace", file, self.work / "floor.sqlite3")
            server.post(file)
            static = self.work / "static"
            static.mkdir(exist_ok=True)
            answer = server.small(TOKENS, token, counted=b"<roamingAuthorisationInfoArray>")
            if answer.records != 100_000:
                raise Wrong(f"{answer.records} tokens came back")
            (static / "answer.xml").write_bytes(b"x" * answer.size)
            with floors.nginx(static, self.work) as (port, pid):
                for each in range(self.rounds):
                    self.tell(f"W1 and W2, round {each + 1}")
                    parsed.append(floors.run(program, "parse", file))
                    floor.append(floors.run(program, "replace", file, self.work / "floor.sqlite3"))
                    up.append(server.post(other))
                    server.post(file)
                    daily.append(server.post(some))
                    same.append(server.post(some))
                    server.post(file)
                    down.append(server.small(TOKENS, token))
                    server.small(TOKENS, token, GZIP)  # the first of the generation, which compresses
                    plain.append(
                        (
                            repeated(lambda: static_file(port, pid)),
                            repeated(lambda: server.small(TOKENS, token)),
                            repeated(lambda: server.small(TOKENS, token, GZIP)),
                        )
                    )
        yield from upload_lines(up, daily, same, floor, parsed)
        yield from download_lines(down, plain)

    # ------------------------------------------------------------------ CDRs

    def cdrs(self, stores: tuple[str, ...] = STORES) -> Iterator[Line]:
        """W3 and W4: 10,000 CDRs up into a store with 100,000, and down, on both stores."""
        for store in stores:
            with self.store(store) as url, office(self.work / "office", url, pair()) as server:
                yield from self.cdrs_of(server, store)

    def cdrs_of(self, server: Office, store: str) -> Iterator[Line]:
        sender, receiver = server.login("tnm"), server.login("anwb")
        now = datetime.now(UTC).replace(microsecond=0)

        def upload(first: int) -> Measured:
            rows = bodies.cdrs(10_000, "TheNewMotion", ["ANWB"], now, first)
            return server.post(bodies.cdr_upload(self.work / "cdrs.xml", rows, sender))

        for number in range(10):
            self.tell(f"W3 on {store}: filling the store, {number * 10_000:,} CDRs")
            upload(number * 10_000)
        server.small("ClearCDRs", sender)
        self.tell(f"W3 on {store}")
        up = [upload(100_000 + number * 10_000) for number in range(self.rounds)]
        server.small("ClearCDRs", sender)
        server.small("GetCDRs", receiver)
        up.append(upload(900_000))
        server.small("ClearCDRs", sender)
        # Runs that were served are given again for a day: so many CDRs are in each answer.
        down = [server.small("GetCDRs", receiver, counted=b"<cdrInfoArray>") for _ in range(self.rounds)]
        share = 10_000 / down[0].records
        figures, given = middle(up), middle(down)
        cheap = store == "sqlite"
        yield Line(
            "W3",
            "AddCDRs, 10,000 into a store with 100,000",
            store,
            seconds(figures),
            goal="CPU <= 0.15 s" if cheap else "",
            met=figures["cpu_s"] <= 0.15 if cheap else None,
            figures=figures,
        )
        yield Line(
            "W4",
            f"GetCDRs, for each 10,000 of {down[0].records:,}",
            store,
            f"{given['wall_s'] * share:.3f} s, CPU {given['cpu_s'] * share:.3f} s",
            goal="CPU <= 0.15 s" if cheap else "",
            met=given["cpu_s"] * share <= 0.15 if cheap else None,
            figures={**given, "records": down[0].records},
        )

    # ------------------------------------------------------------------ hostile requests

    def hostile(self) -> Iterator[Line]:
        """H: what the most expensive requests of nobody and of a partner cost, on SQLite."""
        with office(self.work / "office", None, pair()) as server:
            token = server.login("tnm")
            for each in of_nobody():
                yield self.hostile_line(server, each, "of nobody", ANONYMOUS_ROUNDS)
            for make in of_partner(token):
                yield self.hostile_line(server, make(), "of a partner", 1)

    def hostile_line(self, server: Office, each: Hostile, whose: str, rounds: int) -> Line:
        self.tell(f"H {whose}: {each.what}")
        cpu, peak, answer = cost(server, each, rounds)
        size = len(each.body) / 1024
        return Line(
            "H",
            f"{whose}: {each.what}, {size:.1f} KB ({answer})",
            "sqlite",
            f"CPU {cpu * 1000:.1f} ms, {cpu * 1000 / size:.2f} ms a KB, worker {peak:.0f} MiB",
            goal=f"CPU <= {each.allowed_s * 1000:.0f} ms, worker <= {WORKER_MIB} MiB",
            met=cpu <= each.allowed_s and peak <= WORKER_MIB,
            figures={"cpu_s": cpu, "bytes": len(each.body), "rss_mib": peak},
        )

    # ------------------------------------------------------------------ small requests

    def small(self) -> Iterator[Line]:
        """W5: the small request, alone and while lists are uploaded, on SQLite with two workers."""
        with office(self.work / "office", None, {"tnm": ("TheNewMotion", bodies.HUB)}) as server:
            token = server.login("tnm")
            script = self.work / "small.lua"
            script.write_text(
                'wrk.method = "POST"\nwrk.headers["Content-Type"] = "text/xml; charset=utf-8"\n'
                f"wrk.body = [==[{bodies.small(POINTS, token).decode()}]==]\n"
            )
            file = bodies.token_list(self.work / "tokens.xml", 100_000, token)
            alone, busy = [], []
            for each in range(self.rounds):
                self.tell(f"W5, round {each + 1}")
                alone.append(load(server, script))
                upload = threading.Timer(1.0, lambda: server.post(file))
                upload.start()
                busy.append(load(server, script))
                upload.join()
        rate, slow = median(each[0] for each in alone), median(each[1] for each in alone)
        under = median(each[0] for each in busy)
        yield Line(
            "W5",
            "GetChargePointList of an empty list, 16 connections, 2 workers",
            "sqlite",
            f"{rate:,.0f} requests/s, p99 {slow:.1f} ms",
            goal=">= 3,000 requests/s, p99 <= 25 ms",
            met=rate >= 3000 and slow <= 25,
            figures={"requests_per_s": rate, "p99_ms": slow, "all": alone},
        )
        yield Line(
            "W5",
            f"the same, with an upload of 100,000 tokens in the {LOAD_SECONDS} seconds",
            "sqlite",
            f"{under:,.0f} requests/s",
            f"{rate / under:.2f} x slower than alone",
            "<= 1.3 x",
            rate / under <= 1.3,
            {"requests_per_s": under, "all": busy},
        )

    # ------------------------------------------------------------------ a million

    def million(self, stores: tuple[str, ...] = STORES) -> Iterator[Line]:
        """W6: a million tokens up and down, against a hundred thousand in the same run."""
        for store in stores:
            with (
                self.store(store) as url,
                office(self.work / "office", url, {"tnm": ("TheNewMotion", bodies.HUB)}) as server,
            ):
                token = server.login("tnm")
                self.tell(f"W6 on {store}: writing 1,000,000 tokens")
                few = bodies.token_list(self.work / "tokens.xml", 100_000, token)
                many = bodies.token_list(self.work / "million.xml", 1_000_000, token)
                self.tell(f"W6 on {store}")
                server.post(few)
                yield from self.growth(
                    "W6", "tokens", store, lambda server=server, few=few: server.post(few),
                    lambda server=server, many=many: server.post(many),
                    lambda server=server, token=token: server.small(TOKENS, token), 10, 11, 200,
                )  # fmt: skip

    def points(self, stores: tuple[str, ...] = STORES) -> Iterator[Line]:
        """W7: 300,000 charge points up and down, against 100,000."""
        for store in stores:
            with self.store(store) as url, office(self.work / "office", url, pair()) as server:
                token = server.login("tnm")
                self.tell(f"W7 on {store}: writing 300,000 charge points")
                few = bodies.charge_point_list(self.work / "points.xml", 100_000, token)
                many = bodies.charge_point_list(self.work / "more-points.xml", 300_000, token)
                self.tell(f"W7 on {store}: charge points")
                server.post(few)
                yield from self.growth(
                    "W7", "charge points", store, lambda server=server, few=few: server.post(few),
                    lambda server=server, many=many: server.post(many),
                    lambda server=server, token=token: server.small(POINTS, token), 3, 3.6, 0,
                )  # fmt: skip

    def growth(
        self, work: str, what: str, store: str, up_few: Callable[[], Measured], up_many: Callable[[], Measured],
        down: Callable[[], Measured], factor: int, most: float, memory: int,
    ) -> Iterator[Line]:  # fmt: skip
        """A list of ``factor`` times 100,000, up, down for the first and for the second time, against 100,000."""
        kinds = ("up", "down, first", "down, second")
        few: dict[str, list[Measured]] = {kind: [] for kind in kinds}
        many: dict[str, list[Measured]] = {kind: [] for kind in kinds}
        for each in range(max(2, self.rounds // 2)):
            self.tell(f"{work} on {store}, {what}, round {each + 1}")
            for found, up in ((few, up_few), (many, up_many)):
                found["up"].append(up())
                found["down, first"].append(down())
                found["down, second"].append(repeated(down))
        for kind in kinds:
            figures, base = middle(many[kind]), middle(few[kind])
            ratio = figures["wall_s"] / base["wall_s"]
            goals, met = [f"<= {most:g} x"], ratio <= most
            if memory:
                goals.append(f"<= {memory} MiB")
                met = met and figures["rss_mib"] <= memory
            if memory and kind == "up":
                goals.append("<= 25 s")
                met = met and figures["wall_s"] <= 25
            yield Line(
                work,
                f"{factor * 100_000:,} {what} {kind}",
                store,
                f"{seconds(figures)}, {figures['rss_mib']:.0f} MiB",
                f"{ratio:.1f} x that of 100,000",
                ", ".join(goals),
                met,
                {**figures, "of_100000": base},
            )

    # ------------------------------------------------------------------ clearing

    def clearing(self, stores: tuple[str, ...] = STORES, million: int = 1_000_000) -> Iterator[Line]:
        """W7: ClearCDRs over a million pending CDRs of twenty partners, and a statement of 100,000 lines."""
        partners = {f"p{number:02d}": (f"OP{number:02d}", 0) for number in range(PARTNERS)}
        parties = [party for party, _ in partners.values()]
        now = datetime.now(UTC).replace(microsecond=0)
        for store in stores:
            with self.store(store) as url, office(self.work / "office", url, partners) as server:
                logins = {user_id: server.login(user_id) for user_id in partners}
                for number in range(million // 10_000):
                    self.tell(f"W7 on {store}: filling the store, {number * 10_000:,} CDRs")
                    user_id = f"p{number % PARTNERS:02d}"
                    own = partners[user_id][0]
                    others = [party for party in parties if party != own]
                    rows = bodies.cdrs(10_000, own, others, now, number * 10_000)
                    server.post(bodies.cdr_upload(self.work / "cdrs.xml", rows, logins[user_id]))
                self.tell(f"W7 on {store}: clearing")
                cleared = server.small("ClearCDRs", logins["p00"])
                figures = middle([cleared])
                yield Line(
                    "W7", f"ClearCDRs, {million:,} pending of {PARTNERS} partners", store, seconds(figures),
                    goal="<= 30 s", met=figures["wall_s"] <= 30, figures={**figures, "told": cleared.told},
                )  # fmt: skip
                self.tell(f"W7 on {store}: statement")
                yield self.command(server, store, million // 10)
                link = re.search(rb"docLink>[^<]*(/statements/[^<]+)<", server.small("GetCDRs", logins["p00"]).begin)
                if link is None:
                    raise Wrong("no link to a statement")
                before = drive.resident_mib(drive.family(server.process.pid))
                with drive.newcomers(server.process.pid) as peak:
                    drawn = drive.get(server.port, link[1].decode(), server.process.pid)
                figures = {**middle([drawn]), "process_rss_mib": peak[0], "grown_mib": drawn.rss_mib - before}
                yield Line(
                    "W7", f"the same, {drawn.size / 1e6:.0f} MB of PDF, by its link from a server that took the CDRs in", store,
                    f"{seconds(figures)}, {peak[0]:.0f} MiB in a process of its own, {figures['grown_mib']:.0f} in the server",
                    goal="<= 10 s, <= 150 MiB, <= 16 MiB",
                    met=figures["wall_s"] <= 10 and 0 < peak[0] <= 150 and figures["grown_mib"] <= 16
                    and drawn.status == 200, figures=figures,
                )  # fmt: skip

    def command(self, server: Office, store: str, count: int) -> Line:
        """The statement as the command draws it, in a process that does nothing else."""
        words = ["statement", "draw", "1", "p00", "--pdf", str(self.work / "statement.pdf")]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "echs", *words],
            env={**inherited, **server.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        rss = cpu = 0.0
        # What the system says of a child that ended counts the memory of this process too, of which it was a copy.
        while process.poll() is None:
            rss = max(rss, drive.peak_mib([process.pid]))
            cpu = max(cpu, drive.cpu_seconds([process.pid]))
            time.sleep(0.01)
        figures = {"wall_s": time.perf_counter() - start, "cpu_s": cpu, "rss_mib": rss}
        if process.returncode:
            raise Wrong("echs statement draw failed")
        shutil.rmtree(server.work / "data" / "statements")  # so that the server draws it too
        return Line(
            "W7",
            f"the statement of that run, {count:,} lines, drawn by echs statement draw",
            store,
            f"{seconds(figures)}, {figures['rss_mib']:.0f} MiB",
            goal="<= 10 s, <= 150 MiB",
            met=figures["wall_s"] <= 10 and figures["rss_mib"] <= 150,
            figures=figures,
        )

    def upgrade(self, stores: tuple[str, ...] = STORES) -> Iterator[Line]:
        """U: ``echs db upgrade`` of a store of the release before."""
        for store in stores:
            with self.store(store) as made:
                url = made or f"sqlite:///{self.work / 'before.sqlite3'}"
                self.tell(f"U on {store}: writing a million tokens and a million CDRs")
                upgrade.filled(url)
                self.tell(f"U on {store}")
                mine = {"ECHS_DATABASE_URL": url, "ECHS_DATA_DIR": str(self.work / "data")}
                seconds_ = upgrade.upgraded({**os.environ, **mine})
                yield Line(
                    "U",
                    "echs db upgrade, 1,000,000 tokens and 1,000,000 CDRs",
                    store,
                    f"{seconds_:.0f} s",
                    goal="<= 300 s",
                    met=seconds_ <= 300,
                    figures={"wall_s": seconds_},
                )

    def store(self, store: str) -> Any:
        """The URL of a fresh store; None for SQLite, which the office makes itself."""
        return postgres(self.work / "postgres") if store == "postgresql" else Embedded()


class Embedded:
    """No URL."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def static_file(port: int, pid: int) -> Measured:
    """The file from nginx."""
    done = drive.get(port, "/answer.xml", pid)
    if done.status != 200:
        raise Wrong(f"nginx answers {done.status}")
    return done


def pair() -> dict[str, tuple[str, int]]:
    """Two partners."""
    return {"tnm": ("TheNewMotion", bodies.HUB), "anwb": ("ANWB", 0)}


def repeated(request: Callable[[], Measured]) -> Measured:
    """A short request many times over, since processor time is counted in hundredths; the mean of it."""
    done = [request() for _ in range(REPEATS)]
    total = asdict(done[0])
    for name in ("wall_s", "first_byte_s", "cpu_s"):
        total[name] = sum(getattr(each, name) for each in done) / REPEATS
    return Measured(**total)


def load(server: Office, script: Path) -> tuple[float, float]:
    """Requests a second, and the time that one in a hundred takes longer than, in milliseconds."""
    time.sleep(0.5)
    command = ["wrk", "-t1", "-c16", f"-d{LOAD_SECONDS}s", "--latency", "-s", script]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{PATH}"], capture_output=True, text=True, check=True
    )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", done.stdout)
    if rate is None or slow is None or "Non-2xx" in done.stdout:
        raise Wrong(done.stdout)
    return float(rate[1]), float(slow[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[slow[2]]


def upload_lines(
    up: list[Measured], daily: list[Measured], same: list[Measured], floor: list[Floor], parsed: list[Floor]
) -> Iterator[Line]:
    """W1."""
    figures = middle(up)
    wall, cpu = median(each.wall_s for each in floor), median(each.cpu_s for each in floor)
    walls, cpus = figures["wall_s"] / wall, figures["cpu_s"] / cpu
    yield Line(
        "W1",
        "SetRoamingAuthorisationList, 100,000 replace 100,000, all changed",
        "sqlite",
        f"{seconds(figures)}, {figures['rss_mib']:.0f} MiB",
        f"wall {walls:.2f} x, CPU {cpus:.2f} x expat + SQLite in C ({wall:.3f} s, CPU {cpu:.3f} s)",
        "CPU <= 1.6 x",
        cpus <= 1.6,
        {
            **figures,
            "floor_wall_s": wall,
            "floor_cpu_s": cpu,
            "parse_cpu_s": median(each.cpu_s for each in parsed),
        },
    )

    for what, found, most in (("1 in 100 changed", daily, 0.7), ("none changed", same, 0.7)):
        few = middle(found)
        ratio = few["cpu_s"] / cpu
        yield Line(
            "W1", f"the same, {what}", "sqlite", f"{seconds(few)}, {few['rss_mib']:.0f} MiB",
            f"CPU {ratio:.2f} x the same floor", f"CPU <= {most} x", ratio <= most, few,
        )  # fmt: skip


def download_lines(down: list[Measured], plain: list[tuple[Measured, Measured, Measured]]) -> Iterator[Line]:
    """W2."""
    first = middle(down)
    static, second, gzip = (middle([each[place] for each in plain]) for place in range(3))
    told = f"nginx, static file of the same size: {seconds(static)}"
    ratio = second["wall_s"] / static["wall_s"]
    yield Line(
        "W2", f"{TOKENS} of 100,000, second download", "sqlite", seconds(second), f"{ratio:.2f} x {told}", "<= 2 x",
        ratio <= 2, {**second, "floor": static},
    )  # fmt: skip
    yield Line(
        "W2", "the same with Accept-Encoding: gzip", "sqlite", seconds(gzip),
        f"CPU {gzip['cpu_s'] / second['cpu_s']:.2f} x identity", "less CPU than identity",
        gzip["cpu_s"] < second["cpu_s"], gzip,
    )  # fmt: skip
    ratio = first["wall_s"] / static["wall_s"]
    yield Line(
        "W2", "first download of a generation", "sqlite", seconds(first), f"{ratio:.1f} x nginx", "<= 8 x", ratio <= 8,
        first,
    )  # fmt: skip
