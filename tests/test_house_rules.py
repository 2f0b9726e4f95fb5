"""The rules of the house that a linter does not know. Each message says what to do instead."""

import ast
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "echs").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "tools"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|for now|simplified)\b")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """One test over all files, whose message lists every one that breaks the rule."""

    def over_all(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken.append(str(error).partition("\nassert ")[0])
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return over_all


def public_nodes(tree: ast.Module) -> list[ast.AST]:
    """Functions and classes that others may use: at the top, and public methods of public classes."""
    found: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            found.append(node)
            if isinstance(node, ast.ClassDef):
                found += [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    return found


@each(SOURCES)
def test_every_module_and_every_public_thing_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{name(path)}: begin it with a sentence that says what is in it"
    for node in public_nodes(tree):
        assert ast.get_docstring(node), (
            f"{name(path)}:{node.lineno} {node.name}: add a docstring that says what one gets, in which unit, what is raised"
        )


@each(SOURCES)
def test_no_file_has_a_name_that_says_nothing(path):
    assert path.stem not in VAGUE, f"{name(path)}: find the noun that this file is about and call it so"


@each([*SOURCES, *TESTS, *PROSE])
def test_nothing_is_left_for_later(path):
    if path.name == Path(__file__).name:
        return
    match = UNFINISHED.search(path.read_text())
    assert match is None, f"{name(path)}: {match and match[0]!r}: finish it, or open an issue and take the word out"


@each(SOURCES)
def test_a_room_writes_only_its_own_tables(path):
    """Another room's tables may be read; insert, update and delete are for their own room."""
    text = path.read_text()
    foreign = re.findall(r"(?:insert|update|delete)\((\w+_tables)\.", text)
    assert not foreign, f"{name(path)}: call a verb of the room that owns {foreign[0]} instead"


@each(SOURCES)
def test_a_connection_is_opened_by_the_two_doors_alone(path):
    if path.name in ("database.py", "engines.py"):
        return
    text = path.read_text()
    assert not re.search(r"\.engine\b", text), f"{name(path)}: use database.read() or database.write()"
    assert "create_engine" not in text, f"{name(path)}: take the Database that is handed in"


@each(SOURCES)
def test_the_environment_is_read_by_the_settings_alone(path):
    if path.name in ("settings.py", "demo.py"):
        return
    assert "os.environ" not in path.read_text(), f"{name(path)}: make it a setting"


@each(SOURCES)
def test_the_clock_is_handed_in(path):
    if path.name == "clock.py":
        return
    for spelling in ("datetime.now(", "time.time()", "utcnow("):
        assert spelling not in path.read_text(), f"{name(path)}: use context.clock()"


@each(TESTS)
def test_tests_are_sentences_and_can_fail(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        assert node.name.count("_") >= 4, f"{name(path)}: {node.name}: name it as a sentence"
        source = ast.unparse(node)
        assert "assert" in source or "raises" in source, f"{name(path)}: {node.name}: a test that cannot fail is none"


def test_the_top_level_holds_what_belongs_there():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    top = {line.partition("/")[0] for line in listed if line}
    allowed = {
        "pyproject.toml", "README.md", "alembic.ini", "migrations", "src", "tests", "wsdl", "docker-compose.yml",
        "Makefile", "Dockerfile", "docs", "bench", ".ci", ".gitignore", "requirements.lock", "requirements-dev.lock",
        "deploy", ".dockerignore", ".env.example", "LICENSE", "CONTRIBUTING.md", "SECURITY.md", ".editorconfig",
    }  # fmt: skip
    assert top <= allowed, f"{sorted(top - allowed)}: find its room, or its folder among docs, bench and deploy files"


def test_the_map_in_the_package_names_every_folder_and_module():
    """`echs.__doc__` calls itself the map: what is missing in it is not found by a newcomer, what is too much misleads."""
    import echs

    mapped = set(re.findall(r"``(\w+)``", echs.__doc__ or ""))
    source = ROOT / "src" / "echs"
    folders = (*source.glob("*/__init__.py"), *source.glob("protocols/*/__init__.py"))
    found = {path.stem for path in source.glob("*.py")} | {path.parent.name for path in folders}
    assert mapped == found - {"__init__", "__main__"}
