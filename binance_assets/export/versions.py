"""How a whole set of files takes the place of another at once.

::

    export/
        dim_pair.parquet -> .current/dim_pair.parquet      made once for each file
        manifest.json    -> .current/manifest.json
        .current         -> .versions/<version>            the one thing that a publication changes
        .versions/<version>/                               never changed, kept for a while after it was replaced

``export/`` itself stays the same folder, so that it can be shared, mounted, and hold other files.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from binance_assets.files import sync

KEPT = timedelta(minutes=30)
"""How long a version stays at least after it was replaced: whoever reads it file by file has that long to finish."""

_CURRENT, _VERSIONS = ".current", ".versions"


def current(export: Path) -> Path | None:
    """The folder of the current version, which stays as it is while others follow; None before the first."""
    folder = (export / _CURRENT).resolve()
    return folder if folder.parent.name == _VERSIONS and folder.is_dir() else None


@contextmanager
def new_version(export: Path, name: str) -> Iterator[Path]:
    """A folder to be filled, which is the current version at the end of the block; if that raises, nothing has changed.

    Args:
        export: The folder that readers know.
        name: The version's name, unlike those before it.
    """
    export.mkdir(parents=True, exist_ok=True)
    staging = export / f".{uuid4().hex}"
    staging.mkdir()
    try:
        yield staging
        _make_durable(staging)
        _switch(export, staging, name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    _retire(export)


def _make_durable(folder: Path) -> None:
    for file in folder.iterdir():
        sync(file)
    sync(folder)


def _switch(export: Path, staging: Path, name: str) -> None:
    names = {file.name for file in staging.iterdir()}
    (export / _VERSIONS).mkdir(exist_ok=True)
    staging.rename(export / _VERSIONS / name)
    sync(export / _VERSIONS)
    for file in names:  # until the next step, one that is new leads nowhere
        _link(export / file, Path(_CURRENT, file))
    former = current(export)
    if former:
        os.utime(former)  # from now on it is kept for so long
    _link(export / _CURRENT, Path(_VERSIONS, name))
    for link in export.iterdir():
        if link.is_symlink() and link.readlink().parent == Path(_CURRENT) and link.name not in names:
            link.unlink()
    sync(export)


def _link(link: Path, target: Path) -> None:
    """Let a name lead to a target, at once, whatever it was before."""
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = link.with_name(f".{uuid4().hex}.tmp")
    temporary.symlink_to(target)
    temporary.replace(link)


def _retire(export: Path) -> None:
    """Remove the versions that were replaced long enough ago, or never became current."""
    kept = current(export)
    for version in (export / _VERSIONS).iterdir():
        if version != kept and time.time() - version.stat().st_mtime > KEPT.total_seconds():
            shutil.rmtree(version)
