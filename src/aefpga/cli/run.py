"""`aefpga run`."""

from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from aefpga.cli import show
from aefpga.cli.csim import csim
from aefpga.cli.evaluate import evaluate
from aefpga.cli.options import Adders, ClockPeriod, Part, Projects, Tool
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
    """Do it all: train, check the firmware word for word, synthesize, reconstruct and judge.

    Example: `aefpga run` on the embedded sample, 8 bits, for a VU9P; or
    `aefpga run --config standard_24d --part xcku115 --clock-period 4`.
    """
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
