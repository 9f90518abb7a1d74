"""The files of one version of the export as a file system of DuckDB in which nothing can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from threading import get_ident
from typing import Any

from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

PROTOCOL = "export://"
"""What the address of a file begins with; its name follows."""


class _Opened(RawIOBase):
    """An open file.

    DuckDB's threads share it, each of which seeks and then reads: so each has a place of its own. DuckDB lets go of a
    file that it has done with, and does not close it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._descriptor = os.open(file, os.O_RDONLY)
        self._at: dict[int, int] = {}

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at[get_ident()] = origin[whence] + place
        return self.tell()

    def tell(self) -> int:
        return self._at.get(get_ident(), 0)

    def read(self, size: int = -1) -> bytes:
        found = os.pread(self._descriptor, size if size >= 0 else os.fstat(self._descriptor).st_size, self.tell())
        self._at[get_ident()] = self.tell() + len(found)
        return found

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def __del__(self) -> None:
        self.close()


class ReadableTables(AbstractFileSystem):
    """Parquet files of a folder, by their names, to be read.

    DuckDB writes wherever it may read, by more ways than a question's words tell; here it cannot.

    Attributes:
        was_written_to: Whether it was tried.
    """

    protocol = PROTOCOL.removesuffix("://")
    cachable = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.was_written_to = False
        self._files = {file.name: file for file in folder.glob("*.parquet")}

    def __iter__(self) -> Iterator[str]:
        """The addresses of all files."""
        return (f"{PROTOCOL}{name}" for name in self._files)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What DuckDB asks of a file."""
        return {"name": path, "size": self._file(path).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was written."""
        return datetime.fromtimestamp(self._file(path).stat().st_mtime, UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """The one file of a name: there are no patterns."""
        return [self._name(path)] if self._name(path) in self._files else []

    def open(self, path: str, mode: str = "rb", **_: Any) -> RawIOBase:
        """A file, to be read."""
        if mode != "rb":
            self.was_written_to = True
            raise PermissionError(f"{path} can only be read.")
        return _Opened(self._file(path))

    def _file(self, path: str) -> Path:
        name = self._name(path)
        if name not in self._files:
            raise FileNotFoundError(f"There is no {path}.")
        return self._files[name]

    def _name(self, path: str) -> str:
        return path.removeprefix(PROTOCOL)
