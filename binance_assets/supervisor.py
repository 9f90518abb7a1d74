"""Keeps some processes running, and leaves none behind. Knows nothing of what they do.

The processes and all that they start are in one process group. Its first member is a guard, a shell that waits for this
process to be gone, however it went, and then ends the group: nobody is left, also after a ``kill -9``. Needs POSIX.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

GRACE_SECONDS = 30.0
"""What a process gets to finish what it has begun."""

BACK_OFF_SECONDS = (1.0, 60.0)
"""The first and the longest pause before a process that ended is started again. It doubles each time, and begins anew
after a process that lived for longer than the longest."""

_GUARD = 'trap "" TERM INT HUP; read -r _; kill -TERM 0; sleep "$1"; kill -KILL 0'

_log = logging.getLogger(__name__)


class Supervisor:
    """One group of processes, from :meth:`open` to :meth:`end`."""

    def __init__(self, guard: asyncio.subprocess.Process, environment: Mapping[str, str]) -> None:
        self._guard = guard
        self._environment = environment
        self._keepers: list[asyncio.Task[None]] = []
        self.stopping = asyncio.Event()

    @classmethod
    async def open(cls, environment: Mapping[str, str]) -> Supervisor:
        """Start the guard. From now on SIGTERM and SIGINT set :attr:`stopping` and do nothing else.

        Args:
            environment: Of the processes to be started.
        """
        # The guard reads from a pipe that nobody writes to and that ends with this process.
        guard = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _GUARD, "guard", f"{GRACE_SECONDS:.0f}", stdin=asyncio.subprocess.PIPE, process_group=0
        )
        supervisor = cls(guard, environment)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, supervisor.stopping.set)
        return supervisor

    def keep(self, name: str, command: Sequence[str]) -> None:
        """Run a command, and run it again whenever it ends, until all is stopped."""
        self._keepers.append(asyncio.create_task(self._keep(name, command)))

    async def until_open(self, socket: Path) -> None:
        """Wait until somebody listens on a socket, or all is stopped."""
        while not self.stopping.is_set():
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(socket)
                writer.close()
                return
            await asyncio.sleep(0.1)

    async def end(self) -> bool:
        """Ask everybody in the group to end, and kill who did not in time.

        Returns:
            Whether nobody had to be killed.
        """
        self.stopping.set()
        os.killpg(self._guard.pid, signal.SIGTERM)
        given_up_at = time.monotonic() + GRACE_SECONDS
        while (late := self._members()) and time.monotonic() < given_up_at:
            await asyncio.sleep(0.1)
        for process in late:
            _log.error("Killed after %.0f s: %s", GRACE_SECONDS, " ".join(process.info["cmdline"] or []))
        os.killpg(self._guard.pid, signal.SIGKILL)
        await asyncio.gather(self._guard.wait(), *self._keepers)
        return not late

    async def _keep(self, name: str, command: Sequence[str]) -> None:
        pause, longest = BACK_OFF_SECONDS
        while not self.stopping.is_set():
            started_at = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, env=self._environment, process_group=self._guard.pid
            )
            if self.stopping.is_set():
                process.terminate()  # the group may have been asked to end just before it was in it
            _log.info("%s: process %s", name, process.pid)
            code = await process.wait()
            if self.stopping.is_set():
                return
            if time.monotonic() - started_at > longest:
                pause = BACK_OFF_SECONDS[0]
            _log.error("%s ended with code %s; started again in %.0f s", name, code, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)
            pause = min(2 * pause, longest)

    def _members(self) -> list[psutil.Process]:
        """Who is alive in the group, besides the guard."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "status"])
            if process.pid != self._guard.pid
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and _group_of(process.pid) == self._guard.pid
        ]


def _group_of(pid: int) -> int | None:
    with suppress(ProcessLookupError, PermissionError):
        return os.getpgid(pid)
    return None
