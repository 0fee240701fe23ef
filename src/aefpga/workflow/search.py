"""`search`: encoders that no other beats in bits, LUTs, latency and residual at once.

A trial is an encoder that Optuna proposes. It is trained briefly, with what it would cost known
exactly; what breaks a limit, or is outclassed by an encoder trained as briefly, ends there. The
others are trained in full. This process alone decides and writes `trials.db`; workers train.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aefpga.errors import UsageError
from aefpga.files import locked
from aefpga.firmware.parts import find_part
from aefpga.progress import Step, silent
from aefpga.search.figures import Figures
from aefpga.search.outcome import RUNS, Outcome, exceeded
from aefpga.search.space import SearchConfig
from aefpga.search.trials import Trial, Trials
from aefpga.workflow.search_front import build_front, write_front
from aefpga.workflow.train import Prepared, load
from aefpga.workflow.trial import Failed, Judged, train_in_full, try_briefly
from aefpga.workflow.workers import dask_client
from aefpga.yaml_files import claim

CONFIG, TRIALS, BRIEF = "search.yaml", "trials.db", "brief"
# After a short training a limit may be exceeded by this share: of nine encoders the whole training
# changed LUTs by -13 to +10 %.
SLACK = 0.15


def search(
    config: SearchConfig,
    folder: Path,
    *,
    trials: int,
    timeout_s: float | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    step: Step = silent,
    on_prepared: Callable[[Prepared], None] = lambda prepared: None,
) -> Outcome:
    """Search until there are as many trials as asked for; write the front.

    Parameters
    ----------
    config : SearchConfig
        What is searched.
    folder : Path
        Where trials, runs and the front go; a search that was interrupted is continued. Workers on
        other machines must see it, and the input, under the same paths.
    trials : int
        Trials in all, those of earlier calls included.
    timeout_s : float or None
        No trial begins after this many seconds.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    workers : int or None
        Number of these; None takes one a core.
    step : Step
        Told how far it is.
    on_prepared : callable
        Called with what was read and selected, before the first trial.

    Raises
    ------
    UsageError
        If the folder holds another search, no encoder of the space can keep the limits, or there
        is no such part.
    AefpgaError
        If none that was tried does; the nearest is named.
    """
    config.check_limits()
    find_part(config.part)
    on_prepared(load(config.data, config.training).prepared)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except OSError as error:
            raise UsageError(f"another call works on {folder}; wait for its end") from error
        claim(folder / CONFIG, config.model_dump(mode="json"), "search")
        cores = len(os.sched_getaffinity(0))
        known = Trials(folder / TRIALS, config)
        client = stack.enter_context(dask_client(scheduler, workers or min(cores, trials)))
        until = None if timeout_s is None else time.monotonic() + timeout_s
        _Search(config, folder.resolve(), known, client, trials, until, step).go_on()
        outcome = build_front(config, folder.resolve(), known.ended(), client, step)
    write_front(config, folder, outcome)
    return outcome


class _Search:
    """Hands trials to workers and decides what becomes of them."""

    def __init__(
        self,
        config: SearchConfig,
        folder: Path,
        trials: Trials,
        client: Any,
        planned: int,
        until: float | None,
        step: Step,
    ) -> None:
        self._config, self._folder, self._trials = config, folder, trials
        self._client, self._planned, self._until, self._step = client, planned, until, step
        self._jobs: dict[Any, tuple[Trial, Callable[[Trial, Judged], Any]]] = {}

    def go_on(self) -> None:
        """Work on until there are enough trials, or time is up."""
        from distributed import as_completed

        self._tell()
        completed = as_completed()
        waiting = self._trials.running()
        for trial in self._proposals(waiting):
            completed.add(self._begin(trial))
        for future in completed:
            trial, then = self._jobs.pop(future)
            try:
                found = future.result()
            except Exception as error:  # whatever a worker dies of is the trial's outcome
                found = Failed(f"its worker failed: {error or type(error).__name__}")
            future.release()
            if isinstance(found, Failed):
                self._trials.fail(trial, found.reason)
                follow = None
            else:
                follow = then(trial, found)
            self._tell()
            if follow is not None:
                completed.add(follow)
            for trial in self._proposals(waiting):
                completed.add(self._begin(trial))

    def _proposals(self, waiting: list[Trial]) -> Iterator[Trial]:
        """Yield what was begun and not ended, and then new trials."""
        while len(self._jobs) < self._places():
            if waiting:
                yield waiting.pop(0)
                continue
            if len(self._trials.ended()) + len(self._jobs) >= self._planned:
                return
            if self._until is not None and time.monotonic() > self._until:
                return
            trial = self._trials.propose()
            if trial is None:
                return
            yield trial

    def _places(self) -> int:
        return max(1, sum(map(int, self._client.nthreads().values())))

    def _begin(self, trial: Trial) -> Any:
        if trial.brief is not None:
            return self._in_full(trial)
        return self._submit(
            trial,
            self._after_brief,
            try_briefly,
            self._config.brief_config(trial.chosen),
            self._config.space.clock_periods_ns,
            self._folder / BRIEF,
            trial.name,
        )

    def _after_brief(self, trial: Trial, found: Judged) -> Any:
        """Prune a trial, or go on with it."""
        trial = self._trials.keep_brief(trial, found.figures, found.facts)
        reason = self._hopeless(trial, found.figures)
        if reason:
            return self._trials.prune(trial, reason)
        return self._in_full(trial)

    def _hopeless(self, trial: Trial, brief: Figures) -> str:
        """Return why a trial is not worth training in full, or nothing."""
        limits, margin = self._config.limits, self._config.margin
        if not limits.are_kept(brief, SLACK):
            return f"exceeds {exceeded(limits, brief)} after the short training"
        for other in self._trials.ended():
            if other.brief is None or not limits.are_kept(other.brief, SLACK):
                continue
            if other.brief.outclasses(brief, margin):
                return (
                    f"trial {other.number} costs no more, and its residual after the short "
                    f"training is {other.brief.residual:.2%}, this one's {brief.residual:.2%}"
                )
        return ""

    def _in_full(self, trial: Trial) -> Any:
        assert trial.facts is not None
        clock = trial.facts["clock_period_ns"]
        config = self._config.run_config(trial.chosen, clock)
        return self._submit(
            trial, self._after_full, train_in_full, config, self._folder / RUNS, trial.name
        )

    def _after_full(self, trial: Trial, found: Judged) -> None:
        self._trials.complete(trial, found.figures, found.facts)

    def _submit(
        self, trial: Trial, then: Callable[[Trial, Judged], Any], work: Callable[..., Any], *on: Any
    ) -> Any:
        future = self._client.submit(work, *on, pure=False)
        self._jobs[future] = trial, then
        return future

    def _tell(self) -> None:
        ended = self._trials.ended()
        counts = Counter(t.state for t in ended)
        note = ", ".join(f"{n} {state}" for state, n in counts.items())
        self._step("trials", len(ended), max(self._planned, len(ended)), note)
