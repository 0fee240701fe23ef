import warnings

import numpy as np
import pytest

from aefpga.evaluation import plots
from aefpga.evaluation.metrics import judge
from aefpga.fixedpoint import FixedType
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

# One of each kind, one that is constant, one without a jet above its threshold.
NAMES = ["pt", "eta", "phi", "vertex_z", "area", "mass"]
NAMES += ["photon_energy", "muon_energy", "photon_multiplicity"]
VARIABLES = tuple(v for v in JETS.choose("28") if v.name in NAMES)


@pytest.fixture(scope="module")
def jets():
    """Jets that smear well, among them constant variables."""
    rng = np.random.default_rng(0)
    x = rng.exponential(30, (400, len(VARIABLES))).astype(np.float32)
    for i, variable in enumerate(VARIABLES.variables):
        if variable.kind == "multiplicity":
            x[:, i] = rng.poisson(4, len(x))
        if variable.name == "muon_energy":
            x[:, i] = 0
    y = (x * rng.normal(1, 0.1, x.shape)).astype(np.float32)
    return x, y


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("error", UserWarning)
        yield


def test_every_plot_is_drawn(jets, tmp_path):
    x, y = jets
    schemes = {"quantized model": y, "truncation": x}
    qualities = {
        n: judge(x, j, VARIABLES, Normaliser("min-max", VARIABLES).fit(x))
        for n, j in schemes.items()
    }
    history = [
        {"stage": stage, "epoch": e, "loss": 0.1 / e, "validation_loss": 0.2 / e}
        for stage in ("float", "quantized")
        for e in (1, 2, 3)
    ]
    words = np.clip(np.random.default_rng(1).normal(0, 60, (300, 5)).round(), -128, 127)
    drawn = {
        "distributions": lambda p: plots.plot_distributions(x, schemes, VARIABLES, p),
        "residuals": lambda p: plots.plot_residuals(x, schemes, VARIABLES, p),
        "resolution": lambda p: plots.plot_resolution(qualities, ("pt", "mass"), p),
        "correlation": lambda p: plots.plot_correlation(x, y, VARIABLES, p),
        "curve": lambda p: plots.plot_learning_curve(history, p),
        "words": lambda p: plots.plot_occupancy(
            words.astype(np.int64), FixedType(signed=True, width=8, integer=1), p
        ),
    }
    for name, draw in drawn.items():
        path = tmp_path / f"{name}.png"
        draw(path)
        assert path.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(drawn)


def test_input_and_identical_reconstruction_are_drawn_alike(jets, tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    x, _ = jets
    drawn = []
    original = Axes.stairs
    monkeypatch.setattr(
        Axes, "stairs", lambda self, v, *a, **k: drawn.append(v) or original(self, v, *a, **k)
    )
    plots.plot_distributions(x, {"same": x}, VARIABLES[:1], tmp_path / "p.png")
    truth, same, ratio = drawn
    assert truth.sum() == len(x)
    assert np.array_equal(truth, same)
    assert set(ratio[np.isfinite(ratio)]) == {1.0}


def test_correlation_sees_jets_below_the_threshold(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    drawn = []
    original = Axes.imshow
    monkeypatch.setattr(
        Axes, "imshow", lambda self, v, **k: drawn.append(v) or original(self, v, **k)
    )
    pair = tuple(v for v in VARIABLES if v.kind == "energy")
    x = np.ones((100, 2), np.float32)  # GeV: no relative residual exists
    shift = np.linspace(-0.5, 0.5, 100, dtype=np.float32)[:, None] * np.array([1, -1], np.float32)
    plots.plot_correlation(x, x + shift, pair, tmp_path / "c.png")
    assert drawn[2] == pytest.approx(np.array([[1, -1], [-1, 1]]))


def test_nothing_is_left_when_drawing_fails(tmp_path):
    with pytest.raises(RuntimeError), plots.figure(tmp_path / "p.png"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
