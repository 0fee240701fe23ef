"""`aefpga prove`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json, Projects, RunName, Runs

if TYPE_CHECKING:
    from aefpga.proof.certificate import Certificate

MOST_NAMED = 10
# For comparisons, in seconds.
LIMIT = 600.0


def prove(
    run: RunName = None,
    runs: Runs = Path("runs"),
    projects: Projects = Path("hls_projects"),
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            help="Prove the Verilog in this RTL project as it is; default: the run's, as it was "
            "last made.",
        ),
    ] = None,
    limit: Annotated[
        float, typer.Option("--limit", help="Seconds for comparisons.", min=1.0, max=1e6)
    ] = LIMIT,
    as_json: Json = False,
) -> None:
    """Prove that the RTL computes the specification's words for every possible input.

    It is the Verilog that `csim` or `synthesize` wrote last, made anew if it was changed.

    The Verilog is read by Yosys. Sums are followed as exact linear forms; what follows a sum is
    compared at every value that the sum can have. The certificate is `proof.json` in the run's
    folder. Exits 1 if a single output is not proven, and gives quantities for which it is wrong if
    some were found. The HLS project is tested, by `aefpga csim`, and not proven.

    Example: `aefpga prove`, or, of sources that you keep, `aefpga prove --project board/encoder`.
    """
    found = prove_run(run, runs, projects, project, limit, as_json=as_json)
    if found.verdict != "proven":
        raise typer.Exit(1)


def prove_run(
    run: str | None,
    runs: Path,
    projects: Path,
    project: Path | None = None,
    limit: float = LIMIT,
    *,
    as_json: bool = False,
) -> "Certificate":
    """Prove the Verilog of a run, and show what was found."""
    from aefpga.runs import open_run
    from aefpga.workflow.prove import prove as prove_verilog

    opened = open_run(run, runs)
    with show.progress() as step:
        found = prove_verilog(opened, projects, project=project, limit_seconds=limit, step=step)
    if as_json:
        show.print_json(found.to_dict())
    else:
        _show(found)
    if found.verdict != "proven":
        _show_problem(found)
    return found


def _show(found: "Certificate") -> None:
    show.table(
        f"{found.verdict}: {found.n_proven} of {len(found.outputs)} outputs, {found.seconds:.0f} s",
        ("step", "how"),
        list(found.steps.items()),
        words=("how",),
    )
    show.say(f"to prove: {found.statement}")
    show.say(f"not covered: {'; '.join(found.not_covered)}")
    show.say(f"trusted: {'; '.join(found.trusted)}")


def _show_problem(found: "Certificate") -> None:
    failed = [output for output in found.outputs if output.verdict != "proven"]
    for output in failed[:MOST_NAMED]:
        show.problem(f"{output.name} {output.verdict}", output.reason)
    if len(failed) > MOST_NAMED:
        show.problem(found.verdict, f"and {len(failed) - MOST_NAMED} more; all are in proof.json")
    if example := found.counterexample:
        words = ", ".join(f"{port} = {word}" for port, word in example.inputs.items())
        show.problem(
            "counterexample",
            f"{example.port} is {example.found:#x} instead of {example.expected:#x} for {words}",
        )
