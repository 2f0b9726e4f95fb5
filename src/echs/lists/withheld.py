"""Why records are not given to partners of another protocol: what a protocol cannot say is not said in it."""

from enum import StrEnum


class Withheld(StrEnum):
    """Why a record is not given to who speaks another protocol than its sender. Lists define theirs as subclasses."""
