"""The end of a search: its best encoders synthesized, and written as JSON, table and plot."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

from aefpga.errors import AefpgaError
from aefpga.files import atomic_path, write_json
from aefpga.firmware.parts import find_part
from aefpga.progress import Step
from aefpga.runs import layout
from aefpga.search.figures import Figures, front, nearest
from aefpga.search.outcome import ESTIMATE, RUNS, Outcome, Point, exceeded, markdown
from aefpga.search.plot import plot_search
from aefpga.search.space import SearchConfig
from aefpga.search.trials import Trial
from aefpga.workflow.trial import Failed, build

FRONT, PROJECTS = "front.json", "hls_projects"


def build_front(
    config: SearchConfig, folder: Path, ended: list[Trial], client: Any, step: Step
) -> Outcome:
    """Synthesize the trials that no other beats, and return those that keep the limits.

    Parameters
    ----------
    config : SearchConfig
        Of the search.
    folder : Path
        Absolute, where its runs are.
    ended : list of Trial
        All its trials.
    client : dask Client
        Whose workers synthesize.
    step : Step
        Told how far it is.

    Raises
    ------
    AefpgaError
        If there are none.
    """
    by_name = {t.name: t for t in ended}
    complete = {t.name: t.figures for t in ended if t.figures}
    kept = {name: f for name, f in complete.items() if config.limits.are_kept(f)}
    _refuse_nothing(config, ended, complete, kept)
    points, notes, left = dict[str, Point](), list[str](), dict(kept)
    while new := [by_name[name] for name in front(left) if name not in points]:
        for name, report in _reports(config, folder, new, client, step):
            if isinstance(report, Failed):
                notes.append(
                    f"{name} is not synthesized, its LUTs are an estimate: {report.reason}"
                )
                points[name] = Point(by_name[name], kept[name], ESTIMATE)
            else:
                points[name] = _as_built(by_name[name], report)
            figures = points[name].figures
            if not config.limits.are_kept(figures):
                # Others, which it stood before, may take its place.
                del left[name]
                notes.append(
                    f"{name} is not on the front: {points[name].luts_source} finds that it exceeds "
                    f"{exceeded(config.limits, figures)}"
                )
    built = {name: point.figures for name, point in points.items()}
    _refuse_nothing(config, ended, complete | built, left)
    return Outcome([points[name] for name in front(left)], ended, notes)


def _reports(
    config: SearchConfig, folder: Path, trials: list[Trial], client: Any, step: Step
) -> Iterator[tuple[str, Mapping[str, Any] | Failed]]:
    """Yield each trial's name and the report of its synthesis, which an earlier call may have made.

    Workers synthesize those that have none, or one of da4ml's cost: Yosys may run this time.
    """
    device = find_part(config.part).device
    futures = {}
    for trial in trials:
        run = folder / RUNS / trial.name
        path = run / layout.REPORTS / f"synthesis-{device}.json"
        report = json.loads(path.read_text()) if path.exists() else None
        if report and report["kind"] != "cost model":
            yield trial.name, report
        else:
            futures[trial.name] = client.submit(build, run, folder / PROJECTS, pure=False)
    n_there = len(trials) - len(futures)
    step("syntheses", n_there, len(trials))
    for done, (name, future) in enumerate(futures.items(), n_there + 1):
        try:
            yield name, future.result()
        except Exception as error:  # whatever a worker dies of
            yield name, Failed(f"its worker failed: {error or type(error).__name__}")
        step("syntheses", done, len(trials))


def _as_built(trial: Trial, report: Mapping[str, Any]) -> Point:
    assert trial.figures is not None
    figures = replace(
        trial.figures, luts=report["resources"]["lut"], latency_ns=report["latency_ns"]
    )
    return Point(trial, figures, f"{report['tool']} {report['tool_version']}, {report['kind']}")


def _refuse_nothing(
    config: SearchConfig,
    ended: list[Trial],
    points: Mapping[str, Figures],
    kept: Mapping[str, Figures],
) -> None:
    """Raise AefpgaError, with what came nearest, if no encoder keeps the limits."""
    if kept:
        return
    limits, by_name = config.limits, {t.name: t for t in ended}
    known = {t.name: t.brief for t in ended if t.brief} | dict(points)
    known = {name: figures for name, figures in known.items() if not limits.are_kept(figures)}
    if not known:
        reasons = Counter(t.reason for t in ended if t.state == "failed")
        why = f": {reasons.most_common(1)[0][0]}" if reasons else ""
        raise AefpgaError(f"none of {len(ended)} trials could be trained{why}")
    name = nearest(known, limits)
    figures, trial = known[name], by_name[name]
    needed = " ".join(
        f"{option} {ceil(getattr(figures, limit))}"
        for limit, option, _ in limits.options()
        if limits.excess(figures)[limit] > 0
    )
    raise AefpgaError(
        f"no encoder of {len(ended)} trials keeps {limits}; the nearest is {name} "
        f"({config.describe(trial.chosen)}): {figures.bits:.0f} bits, {figures.luts:,.0f} LUTs, "
        f"{figures.latency_ns:.4g} ns, residual {figures.residual:.2%}; allow {needed} in another "
        "--output, give fewer latents or narrower weights in the search's space, or more --trials"
    )


def write_front(config: SearchConfig, folder: Path, outcome: Outcome) -> None:
    """Write the front as JSON, table and plot."""
    write_json(folder / FRONT, outcome.to_dict(config))
    with atomic_path(folder / "front.md") as temporary:
        temporary.write_text(markdown(config, outcome))
    trained = [t.figures for t in outcome.trials if t.figures]
    plot_search([p.figures for p in outcome.points], trained, folder / "front.png")
