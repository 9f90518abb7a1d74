"""Measures a call, by itself in a fresh process if need be, and prints what came of it."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from rich.console import Console
from rich.table import Table

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """What a call cost.

    Seconds by the clock, seconds of all its threads, the process's highest memory so far, and what was written to disk.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    written_megabytes: float


def cost(function: Callable[..., object], *arguments: object) -> Cost:
    """Call a function and measure it."""
    wall, cpu, written = time.perf_counter(), _cpu_seconds(), _written_bytes()
    function(*arguments)
    wall, cpu, written = time.perf_counter() - wall, _cpu_seconds() - cpu, _written_bytes() - written
    return Cost(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, written / 1e6)


def in_fresh_process(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function of an importable module in a process of its own.

    Its memory is then its own, and nothing that an earlier call cached is there.
    """
    call = pickle.dumps((function, arguments))
    answer = subprocess.run([sys.executable, "-m", __name__], input=call, stdout=subprocess.PIPE, check=True)
    result: Result = pickle.loads(answer.stdout)
    return result


def medians(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(cost.wall_seconds for cost in costs),
        median(cost.cpu_seconds for cost in costs),
        median(cost.peak_megabytes for cost in costs),
        median(cost.written_megabytes for cost in costs),
    )


def show(title: str, costs: Mapping[str, Cost], *, beside: str, memory: bool = True, written: bool = False) -> None:
    """Print costs with their ratios to one of them. Memory says something only of calls in fresh processes."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for heading in (
        "CPU s",
        "ratio",
        "wall s",
        "ratio",
        *(["peak MB"] if memory else []),
        *(["written MB"] if written else []),
    ):
        table.add_column(heading, justify="right")
    base = costs[beside]
    for name, one in costs.items():
        table.add_row(
            name,
            f"{one.cpu_seconds:.3f}",
            f"{one.cpu_seconds / base.cpu_seconds:.2f}",
            f"{one.wall_seconds:.3f}",
            f"{one.wall_seconds / base.wall_seconds:.2f}",
            *([f"{one.peak_megabytes:.0f}"] if memory else []),
            *([f"{one.written_megabytes:.2f}"] if written else []),
        )
    Console().print(table)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _written_bytes() -> int:
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(counters["write_bytes"])


if __name__ == "__main__":
    called, given = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(called(*given)))
