"""A study's results as Markdown tables: in the literature's units, and in physical ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from statistics import median
from typing import Any

from aefpga.evaluation.metrics import Quality

PRECISIONS = ("float", "quantized")


@dataclass(frozen=True)
class Result:
    """One run of a study: what it was, and its quality in floating point and quantized.

    What the data never had, `lacking`, is not judged.
    """

    model: str
    normalisation: str
    variables: str
    seed: int
    training_seconds: float
    qualities: Mapping[str, Quality]
    lacking: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Result":
        """Build a result from what `to_dict` returns."""
        qualities = {p: Quality.from_dict(q) for p, q in content["qualities"].items()}
        return cls(**{**content, "qualities": qualities})


def markdown(results: Sequence[Result], record: str, about: str) -> str:
    """Return all tables of records of a name; of several seeds, each figure is the median.

    `about` says on what was trained, and how long.
    """
    return "\n".join(_lines(results, record, about)) + "\n"


def _lines(results: Sequence[Result], record: str, about: str) -> Iterator[str]:
    n_seeds = len({r.seed for r in results})
    of = "of one seed" if n_seeds == 1 else f"median of {n_seeds} seeds"
    yield f"{about} Each cell: float / quantized, {of}; test {record}, never trained on."
    metrics: dict[str, Callable[[Quality], float]] = {
        "Mean squared error, min-max units": lambda q: q.mse,
        "Root mean squared error, min-max units": lambda q: q.rmse,
        "Mean absolute residual, min-max units": lambda q: q.mean_absolute_residual,
    }
    groups = _distinct((r.normalisation, r.variables) for r in results)
    models = _distinct(r.model for r in results)
    for title, metric in metrics.items():
        yield from ("", f"## {title}", "")
        yield from _table(
            ("model", *(f"{n}, {v}D" for n, v in groups)),
            [
                (model, *(_cell(_pick(results, model, *g), metric, "{:.2e}") for g in groups))
                for model in models
            ],
        )
    for variables in _distinct(r.variables for r in results):
        chosen = [r for r in results if r.variables == variables]
        quality = next(iter(chosen[0].qualities.values()))
        names = quality.shown
        yield from ("", f"## Residual that 68 % of {record} stay below, {variables} variables", "")
        rows = []
        for model, normalisation in _distinct((r.model, r.normalisation) for r in chosen):
            group = _pick(chosen, model, normalisation, variables)
            rows.append(
                (
                    model,
                    normalisation,
                    *(_cell(group, _width(n), _form(quality, n)) for n in names),
                    _cell(group, _least_exact, "{:.1%}"),
                )
            )
        titles = (n.replace("_", " ") for n in names)
        yield from _table(("model", "normalisation", *titles, "least exact multiplicity"), rows)
    yield from ("", "## In words", "")
    yield from _summary(results)


def _summary(results: Sequence[Result]) -> Iterator[str]:
    """Say which is best at what, and whether the two kinds of figures agree."""
    for variables in _distinct(r.variables for r in results):
        chosen = [r for r in results if r.variables == variables]
        for precision in PRECISIONS:
            ranked = [r for r in chosen if precision in r.qualities]
            if not ranked:
                continue
            first = ranked[0].qualities[precision].shown[0]
            by_mse = _least(ranked, precision, lambda q: q.mse)
            by_first = _least(ranked, precision, _width(first))
            yield (
                f"- {variables} variables, {precision}: least mean squared error "
                f"{', '.join(by_mse)}; least {first} residual {', '.join(by_first)}: the two "
                f"figures {'agree' if by_mse == by_first else 'disagree'}."
            )


def _least(
    results: Sequence[Result], precision: str, figure: Callable[[Quality], float | None]
) -> tuple[str, str]:
    """Return model and normalisation of the least median over seeds; what is missing is none."""
    groups: dict[tuple[str, str], list[float]] = {}
    for r in results:
        value = figure(r.qualities[precision])
        groups.setdefault((r.model, r.normalisation), []).append(inf if value is None else value)
    return min(groups, key=lambda group: median(groups[group]))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _pick(
    results: Sequence[Result], model: str, normalisation: str, variables: str
) -> list[Result]:
    key = model, normalisation, variables
    return [r for r in results if (r.model, r.normalisation, r.variables) == key]


def _cell(group: Sequence[Result], figure: Callable[[Quality], float | None], form: str) -> str:
    """Return the median over seeds for each precision, or a dash."""
    cells = []
    for precision in PRECISIONS:
        values = [figure(r.qualities[precision]) for r in group if precision in r.qualities]
        known = [v for v in values if v is not None]
        cells.append(form.format(median(known)) if known else "–")
    return " / ".join(cells)


def _width(name: str) -> Callable[[Quality], float | None]:
    return lambda quality: quality.variable(name).residual.half_width_68


def _form(quality: Quality, name: str) -> str:
    return "{:.2%}" if quality.variable(name).kind == "relative" else "{:.4f}"


def _least_exact(quality: Quality) -> float | None:
    shares = [v.exact for v in quality.variables if v.exact is not None]
    return min(shares, default=None)


def _distinct(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
