"""What makes a file durable."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a power cut can no longer undo what was written to a file, or moved into a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
