"""Plots, looked at as matplotlib figures: what is drawn, where, and whether it can be read."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from aefpga.evaluation import drawing
from aefpga.evaluation.drawing import Bins
from aefpga.evaluation.metrics import judge
from aefpga.evaluation.plots.correlation import plot_correlation
from aefpga.evaluation.plots.distributions import plot_distributions
from aefpga.evaluation.plots.encoder import plot_activity, plot_occupancy
from aefpga.evaluation.plots.residuals import plot_residuals
from aefpga.evaluation.plots.resolution import plot_resolution
from aefpga.evaluation.plots.schemes import plot_rate_distortion, plot_study
from aefpga.evaluation.plots.training import plot_learning_curve
from aefpga.evaluation.tables import Result
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.activity import LayerActivity
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

# One of each kind, and one that is constant.
SCHEMA = JETS.select(["pt", "eta", "mass", "area", "photon_energy", "muon_energy",
                      "photon_multiplicity"])  # fmt: skip
NAMES = list(SCHEMA.names)
MODEL, OTHER = "quantized model", "truncation"


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is written, laid out as it would be, without being rendered."""
    found = []

    def save(self, path, **options):
        path.touch()
        if self not in found:
            self.draw_without_rendering()
            found.append(self)

    monkeypatch.setattr(Figure, "savefig", save)
    return found


def table(n, seed=0):
    """Records that spread well; there is never a muon."""
    rng = np.random.default_rng(seed)
    x = rng.exponential(30, (n, len(SCHEMA))).astype(np.float32) + 10
    x[:, NAMES.index("eta")] = rng.uniform(-4, 4, n)
    x[:, NAMES.index("photon_multiplicity")] = rng.poisson(4, n)
    x[:, NAMES.index("muon_energy")] = 0
    return x


def smeared(x, width=0.02):
    y = (x * np.random.default_rng(1).normal(1, width, x.shape)).astype(np.float32)
    y[:, NAMES.index("photon_multiplicity")] = x[:, NAMES.index("photon_multiplicity")]
    return y


def qualities(x, schemes):
    normaliser = Normaliser("min-max", SCHEMA).fit(x)
    return {name: judge(x, y, SCHEMA, normaliser) for name, y in schemes.items()}


def axes(figure):
    """Return the panels in use, those of sub-figures too."""
    return [axis for axis in figure.axes if axis.axison]


def labels(figure):
    return {axis.get_xlabel() for axis in axes(figure)} - {""}


def remark_of(figure):
    return "" if figure._supxlabel is None else figure._supxlabel.get_text().replace("\n", " ")


def assert_readable(figure):
    """No label is cut off at the figure's edge."""
    renderer, frame = figure.canvas.get_renderer(), figure.bbox
    for axis in axes(figure):
        for text in (axis.xaxis.label, axis.yaxis.label, axis.title):
            if text.get_text():
                box = text.get_window_extent(renderer)
                assert box.x0 >= frame.x0 - 1, text
                assert box.y0 >= frame.y0 - 1, text
                assert box.x1 <= frame.x1 + 1, text
                assert box.y1 <= frame.y1 + 1, text


def every_plot(x, y, folder):
    """Draw everything of an evaluation."""
    schemes = {MODEL: y, OTHER: x}
    found = qualities(x, schemes)
    plot_distributions(x, y, MODEL, SCHEMA, folder / "inputs.png")
    plot_residuals(x, schemes, MODEL, SCHEMA, folder / "residuals.png")
    plot_resolution(found, SCHEMA, folder / "resolution.png")
    plot_correlation(x, y, SCHEMA, folder / "correlation.png")


def plots_of_schemes(x, y, folder):
    found = qualities(x, {MODEL: y, OTHER: x})
    both = {"float": found[OTHER], "quantized": found[MODEL]}
    results = [
        Result(model, normalisation, "7", 1, 2.0, both)
        for model in ("linear", "standard")
        for normalisation in ("physics", "min-max")
    ]
    plot_study(results, folder / "study.png")
    curves = {"autoencoder": [(20.0, found[MODEL])], "lossless": [(90.0, found[OTHER])]}
    plot_rate_distortion(curves, "bits per record", folder / "rates.png")


FEW = {
    "one record": (table(1), smeared(table(1))),
    "zeros": (table(40) * 0, table(40) * 0),
    "constants": (np.repeat(table(1), 40, axis=0), np.repeat(smeared(table(1)), 40, axis=0)),
    "exact": (table(200), table(200)),
    "empty bins": (table(200) + np.float32(5000), smeared(table(200) + np.float32(5000))),
}


@pytest.mark.parametrize("kind", FEW)
def test_every_plot_is_drawn_of_little_and_of_nothing(kind, figures, tmp_path):
    every_plot(*FEW[kind], tmp_path)
    assert len(figures) == 4
    assert {p.suffix for p in tmp_path.iterdir()} == {".png", ".pdf"}
    assert len(list(tmp_path.iterdir())) == 8


def test_schemes_that_are_exact_are_drawn(figures, tmp_path):
    plots_of_schemes(*FEW["zeros"], tmp_path)
    assert len(figures) == 2


def test_files_are_pictures_and_pages(tmp_path):
    history = [{"stage": "float", "epoch": 1, "loss": 0.1, "validation_loss": 0.2}]
    plot_learning_curve(history, "physics", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "curve.pdf").read_bytes().startswith(b"%PDF")


def test_distributions_have_symbols_units_and_what_is_beyond(figures, tmp_path):
    x = table(3000)
    plot_distributions(x, smeared(x), MODEL, SCHEMA, tmp_path / "p.png")
    (figure,) = figures
    assert_readable(figure)
    constant = SCHEMA.variable("muon_energy")
    assert labels(figure) == {v.label for v in SCHEMA.variables if v != constant}
    assert "$p_T$ [GeV]" in labels(figure)
    assert "muon_energy" in remark_of(figure)
    upper = axes(figure)[0]
    drawn = [patch.get_data().values for patch in upper.patches if hasattr(patch, "get_data")]
    # All records are somewhere, those beyond the axis in its grey bin.
    assert [values.sum() for values in drawn[:2]] == [3000, 3000]
    assert any("beyond" in text.get_text() for text in upper.texts)


def test_a_reconstruction_that_is_the_original_has_no_uncertainty(figures, tmp_path):
    x = table(3000)
    plot_distributions(x, x, "same", SCHEMA.select(["pt"]), tmp_path / "p.png")
    lower = axes(figures[0])[1]
    (points,) = lower.containers
    ratio = points.lines[0].get_ydata()
    assert set(ratio[np.isfinite(ratio)]) == {1.0}
    (bars,) = points.lines[2]
    lengths = [np.ptp(segment[:, 1]) for segment in bars.get_segments() if len(segment)]
    assert max(lengths) == 0


def test_residuals_show_the_model_and_not_the_worst_baseline(figures, tmp_path):
    x = table(3000)
    schemes = {MODEL: smeared(x), OTHER: smeared(x, 0.5)}
    plot_residuals(x, schemes, MODEL, SCHEMA, tmp_path / "p.png")
    (figure,) = figures
    assert_readable(figure)
    pt = axes(figure)[0]
    assert pt.get_xlabel() == r"$\Delta$$p_T$ / $p_T$"
    low, high = pt.get_xlim()
    assert 0.04 < high < 0.15
    assert low == pytest.approx(-high)
    assert pt.get_ylim()[0] < 1 / 3000
    heights = [patch.get_data().values for patch in pt.patches if hasattr(patch, "get_data")]
    assert all(h.sum() == pytest.approx(1) for h in heights[:2])
    # Most of the baseline is beyond the axis, and seen to be.
    assert heights[1][0] + heights[1][-1] > 0.5
    assert "photon_multiplicity" in remark_of(figure)
    assert not any("N_" in label for label in labels(figure))


def test_resolution_has_uncertainties_within_its_axes(figures, tmp_path):
    x = table(3000)
    found = qualities(x, {MODEL: smeared(x), OTHER: x})
    plot_resolution(found, SCHEMA, tmp_path / "p.png")
    (figure,) = figures
    assert_readable(figure)
    assert {"$p_T$ [GeV]", r"$|$$\eta$$|$"} == labels(figure)
    by_pt = axes(figure)[0]
    (points,) = by_pt.containers
    widths = points.lines[0].get_ydata()
    expected = [s.half_width_68 for s in found[MODEL].variable("pt").by_pt if s.records >= 10]
    assert widths == pytest.approx(expected)
    low, high = by_pt.get_ylim()
    assert low < min(widths) < max(widths) < high
    assert all(np.ptp(s[:, 1]) > 0 for s in points.lines[2][1].get_segments())
    assert any("exact" in text.get_text() and OTHER in text.get_text() for text in by_pt.texts)


def test_correlation_sees_records_below_the_threshold(figures, tmp_path):
    pair = JETS.select(["photon_energy", "muon_energy"])
    x = np.linspace(1, 2, 200, dtype=np.float32).reshape(100, 2)  # GeV: no relative residual exists
    shift = np.linspace(-0.5, 0.5, 100, dtype=np.float32)[:, None] * np.array([1, -1], np.float32)
    plot_correlation(x, x + shift, pair, tmp_path / "c.png")
    (figure,) = figures
    assert_readable(figure)
    matrices = [np.asarray(axis.images[0].get_array()) for axis in axes(figure)[:3]]
    assert matrices[0] == pytest.approx(np.ones((2, 2)))
    assert matrices[2] == pytest.approx(np.array([[1, -1], [-1, 1]]))


def test_the_learning_curve_says_whose_units(figures, tmp_path):
    history = [
        {"stage": stage, "epoch": e, "loss": 0.1 / e, "validation_loss": 0.2 / e}
        for stage in ("float", "quantized")
        for e in (1, 2, 3)
    ]
    plot_learning_curve(history, "physics", tmp_path / "p.png")
    (figure,) = figures
    (axis,) = axes(figure)
    assert_readable(figure)
    assert axis.get_ylabel() == "mean squared error, physics normaliser's units"
    low, high = axis.get_ylim()
    for line in axis.lines:
        assert low < min(line.get_ydata())
        assert max(line.get_ydata()) < high
    assert axis.lines[2].get_xdata().tolist() == [4, 5, 6]


def test_words_and_neurons(figures, tmp_path):
    words = np.clip(np.random.default_rng(1).normal(0, 60, (300, 5)).round(), -128, 127)
    kind = FixedType(signed=True, width=8, integer=1)
    plot_occupancy(words.astype(np.int64), kind, "jets", tmp_path / "words.png")
    layer = LayerActivity("hidden_1", (0.5, 0.1), (1.0, 0.2), (1.0, 0.2))
    plot_activity([layer, layer], [layer, layer], "jets", tmp_path / "activity.png")
    occupancy, activity = figures
    assert_readable(occupancy)
    assert_readable(activity)
    bar = axes(occupancy)[1]
    saturated = 100 * np.isin(words, (-128, 127)).mean(axis=0)
    assert [patch.get_width() for patch in bar.patches] == pytest.approx(saturated)
    assert bar.get_xlim()[1] > saturated.max()
    assert axes(activity)[0].get_ylabel() == "share of jets in which it fires"


def test_schemes_are_compared_in_the_variables_units(figures, tmp_path):
    x = table(500)
    plots_of_schemes(x, smeared(x), tmp_path)
    for figure in figures:
        assert_readable(figure)
        marks = [axis.get_ylabel() for axis in axes(figure)]
        assert any(r"$\Delta$$p_T$ / $p_T$" in mark for mark in marks)
        for axis in axes(figure):
            drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in axis.lines])
            drawn = drawn[np.isfinite(drawn)]
            low, high = axis.get_ylim()
            assert not len(drawn) or low < drawn.min() <= drawn.max() < high


def test_bins_hold_every_value_once():
    bins = Bins(0.0, 10.0, 5)
    counts = bins.count(np.array([-1.0, 0.0, 1.9, 2.0, 10.0, 10.1, 99.0]))
    assert counts.tolist() == [1, 2, 1, 0, 0, 1, 2]
    counts = Bins.of_counts(0, 3).count(np.array([0, 1, 1, 3, 4]))
    assert counts.tolist() == [0, 1, 2, 0, 1, 1]


def test_nothing_is_left_when_drawing_fails(tmp_path):
    with pytest.raises(RuntimeError), drawing.figure(tmp_path / "p.png"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
