"""`aefpga run`."""

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import typer

from aefpga.cli import show
from aefpga.cli.csim import csim
from aefpga.cli.evaluate import evaluate
from aefpga.cli.options import Adders, ClockPeriod, Part, Projects, Tool
from aefpga.cli.prove import prove_run
from aefpga.cli.synthesize import synthesize
from aefpga.cli.training import TrainingOptions, show_run, train_run

if TYPE_CHECKING:
    from aefpga.runs import Run


def run(
    options: TrainingOptions,
    part: Part = None,
    clock_period: ClockPeriod = None,
    adders: Adders = None,
    tool: Tool = "auto",
    projects: Projects = Path("hls_projects"),
) -> None:
    """Do it all: train, check the firmware, synthesize and prove it, reconstruct and judge.

    Words are compared, then the Verilog that was synthesized is proven for all inputs.

    Example: `aefpga run` on the embedded sample, 8 bits, for a VU9P; or
    `aefpga run --config standard_24d --part xcku115 --clock-period 4`.
    """
    from aefpga.errors import ToolError
    from aefpga.firmware import yosys
    from aefpga.workflow.report import report as write_page

    resolved = options.resolved()
    # A fresh Yosys prepares itself for a minute: let it do so on the other core.
    Thread(target=yosys.prepare, daemon=True).start()
    trained = train_run(resolved, options.runs, options.name)
    show_run(trained)
    chosen, runs = str(trained.folder), options.runs
    if trained.is_quantized:
        csim(run=chosen, runs=runs, projects=projects)
        synthesize(
            run=chosen,
            runs=runs,
            projects=projects,
            part=part,
            clock_period=clock_period,
            adders=adders,
            tool=tool,
        )
        try:
            verdict = prove_run(chosen, runs, projects).verdict
        except ToolError as error:
            # Synthesis goes without Yosys, too.
            show.note(f"nothing is proven: {error}")
        else:
            # What is refuted is wrong; what is not proven in time is named, also on the page.
            if verdict == "refuted":
                raise typer.Exit(1)
    evaluate(run=chosen, runs=runs)
    write_page([trained])
    _conclude(trained, projects)


def _conclude(run: "Run", projects: Path) -> None:
    """Say where everything is."""
    from aefpga.runs import layout

    folder = run.folder
    rows = [
        ("run", folder),
        ("its page, to open in a browser", folder / layout.PAGE),
        ("encoder specification", folder / layout.ENCODER),
        *(("decoder", folder / name) for name in (layout.DECODER, layout.MODULO_DECODER)),
        ("HLS project", projects / run.name / "hls"),
        ("RTL project", projects / run.name / "rtl"),
        ("figures", folder / layout.METRICS),
        ("synthesis reports", folder / layout.REPORTS),
        ("plots", folder / layout.PLOTS),
    ]
    show.table("Where it is", ("", "path"), [(n, p) for n, p in rows if p.exists()])
