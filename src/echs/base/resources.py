"""Where the files are that come with the program: beside the package in a checkout, inside it when installed."""

from pathlib import Path

import echs

PACKAGE = Path(echs.__file__).resolve().parent


def contracts() -> Path:
    """The directory of the WSDL files."""
    return carried("wsdl")


def migrations() -> Path:
    """The directory of the Alembic migrations."""
    return carried("migrations")


def carried(name: str) -> Path:
    """A directory that the wheel carries under another name than the checkout."""
    packed = PACKAGE / f"_{name}"
    return packed if packed.is_dir() else PACKAGE.parent.parent / name
