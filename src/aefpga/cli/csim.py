"""`aefpga csim`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Jets, Json, Projects, RunName, Runs


def csim(
    run: RunName = None,
    runs: Runs = Path("runs"),
    projects: Projects = Path("hls_projects"),
    jets: Jets = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="Leave out keras, hls or rtl; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the computations of the encoder, word for word.

    The integer emulator, the trainer's quantized model, the HLS project's C simulation and the
    Verilated RTL compute the latent words of the whole test split and of adversarial inputs; HLS
    and RTL start from quantities on their ports; the RTL is compared as `synthesize` last made it,
    for whatever clock, or else made for the run's. Of an imported encoder there is no trainer's
    model. Exits 1 if a single word differs, and names the first layer at which the two part. Of an
    encoder with a trigger, all but the trainer's model compute score and bit, which are compared,
    too.

    Example: `aefpga csim`, or, without hls4ml, `aefpga csim --run first --without hls`.
    """
    from aefpga.errors import UsageError
    from aefpga.runs import open_run
    from aefpga.workflow.csim import csim as compare

    if unknown := set(without or ()) - {"keras", "hls", "rtl"}:
        raise UsageError(f"--without {', '.join(unknown)}: expected keras, hls or rtl")
    opened = open_run(run, runs)
    with show.progress() as step:
        result = compare(opened, projects, without=without or (), max_jets=jets, step=step)
    if as_json:
        show.print_json(result.to_dict())
    else:
        show.table(
            f"Words that agree: {result.jets:,} test {opened.record} and "
            f"{result.adversarial:,} adversarial",
            ("pair", "equal", "words", "agreement"),
            [
                (
                    a.title,
                    f"{a.equal:,}",
                    f"{a.words:,}",
                    _share(a.equal, a.words),
                )
                for a in result.agreements
            ],
        )
        left_out = "".join(f"; without {key}: {why}" for key, why in result.skipped.items())
        show.say(
            f"{len(result.computations)} computations: {', '.join(result.computations)}{left_out}"
        )
    if result.rtl_clock_period_ns not in (None, opened.firmware.clock_period_ns):
        show.note(f"the RTL is that of {result.rtl_clock_period_ns:g} ns, as it was last made")
    if not result.is_exact:
        show.problem("the computations differ", str(result.difference))
        raise typer.Exit(1)


def _share(equal: int, total: int) -> str:
    # 99.9999 % must not be shown as 100 %.
    return "100 %" if equal == total else f"{100 * equal / total:.4f} %"
