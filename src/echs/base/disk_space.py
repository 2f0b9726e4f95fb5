"""Free space on the volumes that the server writes to."""

import os
import tempfile
from pathlib import Path


def volumes(data_dir: Path) -> dict[str, Path]:
    """The directories that the server writes to, by what they are for."""
    return {"data": data_dir, "temporary": Path(tempfile.gettempdir())}


def free_bytes(directory: Path) -> int:
    """What is free there for a user who is not root; 0 where nobody can say."""
    try:
        stat = os.statvfs(directory)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize
