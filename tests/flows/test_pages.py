"""What the pages tell people to type works as it stands there; what the site is built from has no warning."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers import Server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Played on a fresh store, in the order of the page, by one shell that stops at the first command that fails.
PLAYED = ("administration.md", "metrics.md", "backup.md")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def fresh_server(environment, context, tmp_path):
    """A server in whose store is nothing yet."""
    running = Server(environment, tmp_path / "server.log")
    running.start()
    yield running
    running.stop()


@pytest.mark.timeout(630)
@pytest.mark.parametrize("page", PLAYED)
def test_every_command_of_a_page_works_in_its_order(page, fresh_server, environment, context, tmp_path):
    if not context.database.is_sqlite:
        pytest.skip("the pages speak of the store that a newcomer has")
    blocks = BLOCK.findall((DOCS / page).read_text())
    assert blocks
    script = "set -euo pipefail\n" + "\n".join(blocks).replace("http://127.0.0.1:8080", fresh_server.url)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-x", "-c", script],
        env={**inherited, **environment, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_page_with_commands_is_played():
    """What needs root and hosts of its own is marked as sh: deploy/container/try.sh and deploy/ha/drill.py do that."""
    pages = {page.name for page in DOCS.glob("*.md") if BLOCK.search(page.read_text())}
    assert pages == set(PLAYED)


def test_the_documentation_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "index.html").exists()
    broken = []
    for page in tmp_path.rglob("*.html"):
        for link in re.findall(r'href="([^":?]+)"', page.read_text()):
            path, _, place = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (
                place and target.suffix == ".html" and f'id="{place}"' not in target.read_text()
            ):
                broken.append(f"{page.name}: {link}")
    assert broken == []


def test_every_page_is_in_the_contents_and_says_first_what_it_is_about():
    contents = (DOCS / "index.md").read_text()
    for page in DOCS.glob("*.md"):
        if page.name == "index.md":
            continue
        assert re.search(rf"^{page.stem}$", contents, re.MULTILINE), f"{page.name} is in no list of contents"
        first = page.read_text().lstrip()
        assert first.startswith(("# ", "```{include}"))
