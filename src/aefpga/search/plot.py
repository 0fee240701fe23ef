"""What a search found: encoders' residuals against what they cost."""

from collections.abc import Sequence
from math import floor, log10
from pathlib import Path

from aefpga.evaluation.drawing import COLOURS, log_scale, panels
from aefpga.search.figures import Figures

# Figure, label, scale: layers cost ten times what a linear encoder does.
AXES = (
    ("bits", "bits per record", "linear"),
    ("luts", "LUTs", "log"),
    ("latency_ns", "latency [ns]", "linear"),
)


def plot_search(front: Sequence[Figures], others: Sequence[Figures], path: Path) -> None:
    """Draw the residual against each cost, a panel for each.

    Parameters
    ----------
    front, others : sequence of Figures
        Encoders that no other beats in all figures at once, and all that were trained in full.
    path : Path
        File to write.
    """
    from matplotlib.ticker import NullFormatter

    families = (("trained in full", others, "none"), ("front", front, COLOURS[0]))
    with panels(path, len(AXES), 4.2) as (_, axes):
        for axis, (name, label, scale) in zip(axes, AXES, strict=True):
            for family, points, colour in families:
                axis.plot(
                    [getattr(p, name) for p in points],
                    [p.residual for p in points],
                    "o",
                    color=COLOURS[0],
                    markerfacecolor=colour,
                    markersize=6,
                    label=family,
                )
            log_scale(axis, [p.residual for p in (*front, *others)])
            axis.set(xlabel=label, ylabel="mean residual, validation")
            axis.set_xscale(scale)
            if scale == "linear":
                axis.set_xlim(left=0)
            else:
                axis.set_xlim(*_decades([getattr(p, name) for p in (*front, *others)]))
                axis.xaxis.set_minor_formatter(NullFormatter())


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Return the powers of ten around some values: they are what a scale has numbers for.

    Nothing, such as the LUTs of an encoder that only sends bits on, is left of the scale.
    """
    decades = [floor(log10(value)) for value in values if value > 0] or [0]
    return 10.0 ** min(decades), 10.0 ** (max(decades) + 1)
