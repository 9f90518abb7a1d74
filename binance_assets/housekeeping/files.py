"""Removes what killed processes left: files and folders under a temporary name that nobody finished."""

from __future__ import annotations

import re
import shutil
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

UNTOUCHED = timedelta(hours=1)
"""Whoever still writes touches its file more often than this."""

_TEMPORARY = re.compile(r"\.([0-9a-f]{32}|.+\.tmp)")
"""How the project names what is not whole yet. Locks and ``.newest`` are named otherwise and stay."""


@dataclass(frozen=True)
class Swept:
    """What was removed."""

    entries: int
    bytes: int


def sweep(folders: Iterable[Path], untouched: timedelta = UNTOUCHED) -> Swept:
    """Remove temporary files and staging folders that lie directly in these folders and were left for so long.

    A folder that is not there holds nothing. What disappears meanwhile was somebody's who is alive, and is left to him.
    """
    entries = removed = 0
    for entry in [entry for folder in folders if folder.is_dir() for entry in folder.iterdir()]:
        if not _TEMPORARY.fullmatch(entry.name):
            continue
        try:
            is_folder = entry.is_dir() and not entry.is_symlink()
            found = [path.lstat() for path in ([entry, *entry.rglob("*")] if is_folder else [entry])]
            if time.time() - max(one.st_mtime for one in found) < untouched.total_seconds():
                continue
            if is_folder:
                shutil.rmtree(entry)
            else:
                entry.unlink()
        except FileNotFoundError:
            continue
        entries += 1
        removed += sum(one.st_size for one in found if not stat.S_ISDIR(one.st_mode))
    return Swept(entries, removed)
