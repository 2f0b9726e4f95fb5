"""Words that depend on a number."""


def counted(number: int, thing: str) -> str:
    """So many things: ``1 CDR``, ``2 CDRs``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
