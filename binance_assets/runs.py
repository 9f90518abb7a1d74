"""Runs a job of the project in this process, recorded in the home's Dagster instance so that it shows in the UI."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import psutil

from binance_assets.assets import WRITER_POOL
from binance_assets.clients import ExchangeError
from binance_assets.home import Home
from binance_assets.settings import Source

PROCESS_TAG = "binance_assets/process"

SWITCH = "BINANCE_ASSETS_SERVICE"
"""In the environment of the service's processes: what is to run by itself is switched on unless somebody switched it
off, which is otherwise the other way round."""

RUNS_BY_ITSELF = bool(os.environ.get(SWITCH))


class RunFailed(Exception):
    """A run did not succeed; the message has what its failed steps said.

    Attributes:
        by_exchange: Whether it was for want of a usable answer of the exchange.
    """

    def __init__(self, failures: Sequence[str], *, by_exchange: bool) -> None:
        super().__init__("\n".join(failures) or "The run failed; its log is in the Dagster UI.")
        self.by_exchange = by_exchange


class RunInterrupted(Exception):
    """A run was stopped from outside, by Ctrl-C or a signal."""


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass, with what it found."""

    asset: str
    name: str
    severity: str
    description: str


@dataclass(frozen=True)
class Finished:
    """A successful run: its id, and what its checks said."""

    run_id: str
    passed_checks: int
    failed_checks: list[FailedCheck]


def execute(
    home: Home,
    job: str,
    *,
    source: Source | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, object] | None = None,
) -> Finished:
    """Run a job to its end.

    Args:
        home: The home to work on.
        job: The job's name.
        source: The store to work on, if not the home's own.
        config: Configuration of its steps, by step.
        tags: Of the run, such as those that name its partitions.
        resources: In the place of those of the same names in the definitions.

    Raises:
        RunFailed: A step, or a blocking check, failed.
        RunInterrupted: It was stopped from outside.
    """
    from binance_assets.definitions import defs  # noqa: PLC0415 - a second that other commands need not wait

    run_config: dict[str, Any] = {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "ops": dict(config or {}),
    }
    if source:
        chosen = {"config": {"source": source}}
        run_config["resources"] = {"home": chosen, "warehouse_io_manager": chosen}
    with home.dagster_instance() as instance:
        release_dead_runs(instance)
        result = defs.resolve_job_def(job).execute_in_process(
            run_config=run_config,
            instance=instance,
            tags={
                **(tags or {}),
                PROCESS_TAG: _process(),
                "dagster/max_retries": "0",  # whoever called decides whether again
            },
            resources=resources,
            raise_on_error=False,
        )
    if not result.success:
        raise _failure(result)
    evaluations = result.get_asset_check_evaluations()
    return Finished(
        result.run_id,
        sum(1 for evaluation in evaluations if evaluation.passed),
        [
            FailedCheck(
                evaluation.asset_key.to_user_string(),
                evaluation.check_name,
                evaluation.severity.value,
                evaluation.description or "",
            )
            for evaluation in evaluations
            if not evaluation.passed
        ],
    )


def release_dead_runs(instance: dg.DagsterInstance) -> None:
    """End the runs whose process is gone (killed, or the power failed), and take the writer's place from ended ones.

    Either would make every later run wait for ever. The place is freed first: a kill in between leaves a run that is
    found again. Runs of the daemon are ended by Dagster's own run monitoring; these have no daemon to look after them.
    """
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(unfinished):
        process = run.tags.get(PROCESS_TAG)
        if process and not _is_alive(process):
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.report_run_failed(run, "The process of this run is gone; it was killed, or the machine went down.")
    place = instance.event_log_storage.get_concurrency_info(WRITER_POOL)
    holders = {slot.run_id for slot in place.claimed_slots} | {step.run_id for step in place.pending_steps}
    for run_id in holders:
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def mark_process(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write into a run which process it is, so that it can be seen to be dead."""
    instance.add_run_tags(run_id, {PROCESS_TAG: _process()})


def _process() -> str:
    """Name this process, told apart from a later one with the same number by when it started."""
    return f"{os.getpid()}@{psutil.Process().create_time()}"


def _is_alive(process: str) -> bool:
    number, _, started = process.partition("@")
    try:
        return bool(psutil.Process(int(number)).create_time() == float(started))
    except psutil.NoSuchProcess:
        return False


def _failure(result: dg.ExecuteInProcessResult) -> RunFailed | RunInterrupted:
    """Say why a run did not succeed: what its steps raised, and which blocking checks failed."""
    causes = [
        (event.step_key, error.cause or error)
        for event in result.all_node_events
        if event.is_step_failure and (error := event.step_failure_data.error)
    ]
    if any(cause.cls_name == "DagsterExecutionInterruptedError" for _, cause in causes):
        return RunInterrupted()
    lines = []
    for step, cause in causes:
        text = cause.message.strip()
        ours = text.startswith("binance_assets.")  # then the text is for people, and the class says nothing more
        lines.append(f"{step}: {text.partition(': ')[2] if ours else text}")
    lines.extend(
        f"{evaluation.asset_key.to_user_string()}: check {evaluation.check_name} failed: {evaluation.description}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking
    )
    of_exchange = _names_below(ExchangeError)
    return RunFailed(lines, by_exchange=any(cause.cls_name in of_exchange for _, cause in causes))


def _names_below(error: type[Exception]) -> set[str]:
    """The names of the classes that are derived from one, by whatever way."""
    return {name for it in error.__subclasses__() for name in (it.__name__, *_names_below(it))}
