"""`aefpga synthesize`."""

from pathlib import Path
from typing import TYPE_CHECKING

from aefpga.cli import show
from aefpga.cli.options import (
    Adders,
    ClockPeriod,
    Dsp,
    FromReports,
    Json,
    Lanes,
    Part,
    Projects,
    RegisteredInputs,
    RunName,
    Runs,
    TimeLimit,
    Tool,
)
from aefpga.errors import UsageError

if TYPE_CHECKING:
    from aefpga.firmware.report import SynthesisReport


def synthesize(
    run: RunName = None,
    part: Part = None,
    clock_period: ClockPeriod = None,
    adders: Adders = None,
    dsp: Dsp = None,
    registered_inputs: RegisteredInputs = None,
    lanes: Lanes = None,
    tool: Tool = "auto",
    time_limit: TimeLimit = None,
    from_reports: FromReports = None,
    runs: Runs = Path("runs"),
    projects: Projects = Path("hls_projects"),
    as_json: Json = False,
) -> str | None:
    """Report latency, initiation interval and resources for a part.

    With Vitis or Vivado HLS on PATH their synthesis is run and read. Without, the open flow: the
    RTL is simulated for latency and interval and synthesized with Yosys for resources. Lattice's
    ECP5 (lfe5um5g-85f, lfe5u-25f) and Gowin's gw2a-18 are placed and routed with nextpnr, to a
    bitstream (docs/synthesis.md).

    Score and trigger bit are in the same design. Squares of a score take no DSPs unless asked for.

    Who has run Vivado in the RTL project gets the same report of what it said by `--from-reports`.

    Example: `aefpga synthesize --part xcvu9p --clock-period 4`; or, routed, `aefpga synthesize
    --part lfe5um5g-85f`; or `aefpga synthesize --from-reports
    hls_projects/first/rtl/output_encoder`.
    """
    from aefpga.runs import open_run
    from aefpga.workflow.synthesize import read_reports
    from aefpga.workflow.synthesize import synthesize as synthesize_run

    opened = open_run(run, runs)
    if from_reports is not None:
        asked = {
            "clock-period": clock_period,
            "adders-per-stage": adders,
            "dsp": dsp,
            "registered-inputs": registered_inputs,
            "lanes": lanes,
            "time-limit": time_limit,
            "tool": None if tool == "auto" else tool,
        }
        if useless := [f"--{name}" for name, value in asked.items() if value is not None]:
            raise UsageError(
                f"--from-reports reads what a tool said, it builds nothing: leave out "
                f"{', '.join(useless)}"
            )
        reports = read_reports(opened, from_reports, part)
        if as_json:
            show.print_json([report.to_dict() for report in reports])
        else:
            for report in reports:
                _show_report(report)
        return "aefpga report"
    with show.progress() as step:
        report = synthesize_run(
            opened,
            projects,
            part=part,
            clock_period_ns=clock_period,
            adders_per_stage=adders,
            dsp=dsp,
            registered_inputs=registered_inputs,
            lanes=lanes,
            tool=tool,
            time_limit_s=time_limit,
            step=step,
        )
    if as_json:
        show.print_json(report.to_dict())
    else:
        _show_report(report)
    # There is nothing of an encoder alone to evaluate.
    return "aefpga report" if opened.is_alone else None


def _show_report(report: "SynthesisReport") -> None:
    for remark in report.notes:
        show.note(remark)
    rows: list[tuple[str, object]] = [
        ("latency", f"{report.latency_cycles} cycles = {report.latency_ns:g} ns"),
        ("initiation interval", f"{report.interval_cycles} cycle(s)"),
        ("target clock", f"{report.clock_period_ns:g} ns"),
    ]
    if report.frequency is not None:
        rows.append((report.clock_name, report.frequency))
    if report.estimate is not None:
        rows.append(("estimate of UltraScale+'s clock", report.estimate))
    for name in ("lut", "ff", "dsp", "bram", "uram"):
        used, share = getattr(report.resources, name), report.percent(name)
        if used is not None:
            rows.append((name.upper(), f"{used:,.0f}" + (f" = {share:.2g} %" if share else "")))
    if report.resources.carry is not None:
        rows.append((str(report.resources.carry_kind), f"{report.resources.carry:,.0f}"))
    if report.seconds:
        rows.append(("time taken", f"{report.seconds:.0f} s"))
    title = (
        f"{report.design} on {report.part}: {report.kind} by {report.tool} {report.tool_version}"
    )
    show.table(title, ("", "value"), rows)
    show.say(f"latency: {report.latency_source}")
    if report.frequency is not None:
        show.say(f"clock: {report.frequency.method}")
    if report.estimate is not None:
        show.say(f"UltraScale+: {report.estimate.method}")
    for name, statement in report.uncertainty.items():
        show.say(f"{name.upper()}: {statement}")
