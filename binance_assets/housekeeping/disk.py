"""How much room there is, and for how long."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path


def free_bytes(path: Path) -> int:
    """Bytes that this user can still write on the file system where the path is, or will be."""
    there = next(folder for folder in [path.absolute(), *path.absolute().parents] if folder.exists())
    return shutil.disk_usage(there).free


def days_left(free: int, grown: int, during: timedelta) -> float | None:
    """For how many days the free bytes last at the measured growth.

    Args:
        free: Bytes free.
        grown: Bytes by which the home grew in the time measured.
        during: That time.

    Returns:
        Days, or None if it did not grow, or nothing was measured.
    """
    if grown <= 0 or during <= timedelta(0):
        return None
    return free / grown * (during / timedelta(days=1))
