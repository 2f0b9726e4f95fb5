"""Leave in this environment what the program needs to run: called once, while the image is built.

The lock file also holds the tools that build the program and what only the demo needs; and packages bring along
tests and translations that a server never opens.
"""

import importlib.metadata as metadata
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROGRAM = "echs"
# Below site-packages; what is loaded on demand, and by nothing here: translations of country names, tests, headers,
# a decoder of pictures, highlighting of source code.
UNUSED = (
    "lxml/includes",
    "pillow.libs/libavif-*",
    "PIL/_avif.*",
    "pip",
    "pycountry/locales",
    "pygments/lexers/[!_]*",
    "setuptools",
    "spyne/test",
    "sqlalchemy/testing",
)


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """The distribution and, one after the other, everything that it requires here."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    yield name
    for line in metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield from needed(canonicalize_name(requirement.name), frozenset(requirement.extras), seen)


def main() -> None:
    """Uninstall the rest, then remove what is never opened; pip itself goes last."""
    keep = set(needed(PROGRAM, frozenset(), set()))
    have = {canonicalize_name(each.name) for each in metadata.distributions()}
    drop = sorted(have - keep - {"pip"})
    print("not needed to run:", *drop)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", *drop], check=True)
    subprocess.run([*pip, "check"], check=True)
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "pip"], check=True)
    packages = Path(metadata.distribution(PROGRAM).locate_file(""))
    for pattern in UNUSED:
        for each in packages.glob(pattern):
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    # Symbols for debuggers are half of some libraries. Those beside the packages were rewritten by their makers' tools
    # and stay as they are.
    libraries = [each for each in packages.rglob("*.so") if not each.parent.name.endswith(".libs")]
    subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)


main()
