"""The installed package carries what a checkout has beside it: the contract and the migrations."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_works_without_the_checkout(tmp_path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    assert {path.name for path in (place / "echs" / "_wsdl").iterdir()} == {
        path.name for path in (ROOT / "wsdl").iterdir()
    }
    (metadata,) = place.glob("echs-*.dist-info/METADATA")
    said = metadata.read_text()
    assert "License-Expression: Apache-2.0" in said
    assert "Author: The eCHS developers" in said
    (licence,) = place.glob("echs-*.dist-info/licenses/LICENSE")
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHS_")}
    environment.update(PYTHONPATH=str(place), ECHS_DATA_DIR=str(tmp_path / "data"))
    ask = "import echs, sys; from echs.base.resources import migrations; sys.stdout.write(str(migrations()))"
    where = subprocess.run(
        [sys.executable, "-c", ask], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert where.stdout == str(place / "echs" / "_migrations")
    for command in (["db", "upgrade"], ["partner", "list"]):
        done = subprocess.run(
            [sys.executable, "-m", "echs", *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
