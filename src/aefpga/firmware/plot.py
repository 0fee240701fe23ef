"""A synthesis report as a picture."""

from pathlib import Path

from aefpga.evaluation.drawing import COLOURS, figure
from aefpga.firmware.report import SynthesisReport


def plot_report(report: SynthesisReport, path: Path) -> None:
    """Draw resources as per cent of the part, with latency, interval and clock above."""
    names = [n for n in ("lut", "ff", "dsp", "bram") if report.percent(n) is not None]
    shares = [report.percent(n) or 0.0 for n in names]
    with figure(path, figsize=(9, 4)) as fig:
        axis = fig.subplots()
        bars = axis.barh(range(len(names)), shares, color=COLOURS[0], height=0.6)
        for name, bar, share in zip(names, bars, shares, strict=True):
            used, total = getattr(report.resources, name), getattr(report.available, name)
            text = f" {used:,.0f} of {total:,.0f} ({share:.2g} %)"
            axis.text(bar.get_width(), bar.get_y() + bar.get_height() / 2, text, va="center")
        axis.set_yticks(range(len(names)), [n.upper() for n in names])
        axis.tick_params(axis="y", which="both", length=0)
        axis.minorticks_off()
        axis.invert_yaxis()
        # Room for the text at the right of the longest bar.
        axis.set(xlim=(0, max(1.0, 1.6 * max(shares))), xlabel=f"per cent of {report.part}")
        clock = f"{report.clock_period_ns:g} ns clock"
        if report.frequency is not None:
            clock += f", {report.clock_name} {report.frequency}"
        fig.suptitle(
            f"Encoder {report.design}\n"
            f"latency {report.latency_cycles} cycles = {report.latency_ns:g} ns, initiation "
            f"interval {report.interval_cycles}; {clock}\n"
            f"{report.tool} {report.tool_version}, {report.kind}",
            fontsize=11,
            ha="left",
            x=0.02,
        )
