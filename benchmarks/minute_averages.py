"""Minute averages of ten million observations, beside DuckDB and Polars doing the same aggregate and nothing else.

Each contender runs in fresh processes, in turn with the others. Before anything is timed, their results are compared:
counts and prices must be equal, and means agree to twelve digits.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contenders import (
    CONTENDERS,
    RESULT,
    differences,
    make_history,
    make_observations,
    one_more_minute,
    pipeline,
)
from benchmarks.measure import Cost, in_fresh_process, medians, show

HISTORIES = {"2 hours": timedelta(hours=2), "3 days": timedelta(days=3)}


def measure_aggregate(repetitions: int) -> dict[str, Cost]:
    """Compare all contenders' results with the project's, then time them in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_fresh_process(make_observations, folder)
        in_fresh_process(pipeline, folder)
        reference = (folder / RESULT).rename(folder / "reference.parquet")
        for name, contender in CONTENDERS.items():
            in_fresh_process(contender, folder)
            if different := in_fresh_process(differences, folder / RESULT, reference):
                sys.exit(f"{different} rows of {name} and of binance_assets are not the same. Nothing was timed.")
        for _ in range(repetitions):
            for name, contender in CONTENDERS.items():
                costs[name].append(in_fresh_process(contender, folder))
    return {name: medians(each) for name, each in costs.items()}


def measure_one_more_minute(repetitions: int) -> dict[str, Cost]:
    """Time the minute on top of each history, in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in HISTORIES}
    with TemporaryDirectory() as temporary:
        folders = {name: Path(temporary, name) for name in HISTORIES}
        for name, folder in folders.items():
            folder.mkdir()
            in_fresh_process(make_history, folder, HISTORIES[name])
        for _ in range(repetitions):
            for name, folder in folders.items():
                costs[name].append(in_fresh_process(one_more_minute, folder))
    return {name: medians(each) for name, each in costs.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.minute_averages", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of which medians are taken (3)")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    aggregate = measure_aggregate(arguments.repetitions)
    minute = measure_one_more_minute(arguments.repetitions)
    if arguments.json:
        parts = {"aggregate": aggregate, "one_more_minute": minute}
        print(json.dumps({part: {name: asdict(one) for name, one in costs.items()} for part, costs in parts.items()}))
    else:
        show("Minute averages of 10 million observations", aggregate, beside="DuckDB")
        show("One more minute of the whole market, on top of a history of minutes", minute, beside="2 hours")


if __name__ == "__main__":
    main()
