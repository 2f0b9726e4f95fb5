"""A client with the types of the WSDL before August 2013, where a pin is an xs:int, reads lists that have other pins.

gSOAP generates and compiles it from the served WSDL with that one type put back. It is strict: one empty pin, and the
whole list is lost. So it is played twice: by a partner that was marked as reading numbers, who must get every token,
and by one that was not, who must get none, or the client would prove nothing.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import requests

from cast import PASSWORDS, enrol, set_tokens, token
from echs.config.app_context import AppContext
from echs.partners import enrolment
from echs.protocols.ochp02.contracts import DEPLOYED
from programs import Missing, install
from serving import serving

HERE = Path(__file__).parent / "gsoap"
SECONDS = 300
TOKENS = [token(number, pin=pin) for number, pin in enumerate(("", "0042", "A1", "2147483648", "-7", "1234"), 1)]
NUMBERS = [0, 42, 0, 0, -7, 1234]


class NotRead(Exception):
    """The client did not get what it should."""


def prepare() -> str:
    """gSOAP, from the distribution; its version.

    :raises Missing:
    """
    if shutil.which("soapcpp2") is None or shutil.which("g++") is None:
        install("gsoap", "libgsoap-dev", "g++")
    told = subprocess.run(["soapcpp2", "-V"], capture_output=True, text=True, timeout=60, check=False)
    return (told.stdout + told.stderr).strip().splitlines()[-1].strip()


def fill(context: AppContext) -> None:
    """tnm publishes tokens with all kinds of pins; anwb reads numbers."""
    cast = enrol(context)
    set_tokens(context, cast.tnm, TOKENS)
    enrolment.change(context, "anwb", numeric_pins=True)


def play() -> int:
    """Download by both; how many values were compared.

    :raises NotRead:
    """
    with tempfile.TemporaryDirectory(prefix="echs-interop-") as name, serving(Path(name), fill) as server:
        directory = Path(name)
        address = f"{server.url}{DEPLOYED.path}"
        wsdl = requests.get(f"{address}?wsdl", timeout=30).text
        build(directory, re.sub(r'(name="pin" type="\w+:)string', r"\1int", wsdl))
        marked, other = (download(directory, address, user_id) for user_id in ("anwb", "lnd"))
    if marked.returncode:
        raise NotRead(f"a partner that reads numbers lost its list: {marked.stderr.strip()[-400:]}")
    wanted = [f"{each.token_id}\t{number}" for each, number in zip(TOKENS, NUMBERS, strict=True)]
    if marked.stdout.splitlines() != wanted:
        raise NotRead(f"{marked.stdout.splitlines()} instead of {wanted}")
    if not other.returncode:
        raise NotRead("this client reads pins that are no numbers, and so proves nothing")
    return 2 * len(TOKENS)


def build(directory: Path, wsdl: str) -> None:
    """Generate and compile the client."""
    (directory / "old.wsdl").write_text(wsdl)
    for command in (
        ["wsdl2h", "-o", "ochp.h", "old.wsdl"],
        ["soapcpp2", "-j", "-C", "-L", "-x", "-I/usr/share/gsoap/import", "ochp.h"],
        [
            "g++",
            "-O0",
            "-I.",
            "-o",
            "client",
            str(HERE / "client.cpp"),
            "soapC.cpp",
            "soapechsSOAPProxy.cpp",
            "-lgsoap++",
        ],
    ):
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise Missing(f"{command[0]} failed: {done.stderr.strip()[-400:]}")


def download(directory: Path, address: str, user_id: str) -> subprocess.CompletedProcess[str]:
    """Run the client as a partner."""
    told = f"{address}\n{user_id}\n{PASSWORDS[user_id]}\n"
    command = [str(directory / "client")]
    return subprocess.run(command, input=told, capture_output=True, text=True, timeout=SECONDS, check=False)
