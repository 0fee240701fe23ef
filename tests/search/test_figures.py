import pytest

from aefpga.search.figures import Figures, Limits, front, nearest
from aefpga.search.plot import plot_search


def test_a_front_is_what_no_other_beats():
    points = {
        "cheap": Figures(40, 500, 10, 0.2),
        "good": Figures(80, 2000, 20, 0.02),
        "worse": Figures(80, 2100, 20, 0.02),
        "worst": Figures(90, 2100, 20, 0.3),
        "twin": Figures(40, 500, 10, 0.2),
    }
    assert front(points) == ["cheap", "twin", "good"]


def test_one_outclasses_another_by_a_margin_of_the_residual_and_no_cost():
    good, bad = Figures(40, 500, 10, 0.10), Figures(40, 500, 10, 0.16)
    assert good.outclasses(bad, 1.5)
    assert not good.outclasses(bad, 1.61)
    assert not Figures(40, 501, 10, 0.01).outclasses(bad, 1.5)
    assert not bad.outclasses(good, 1.0)


def test_limits_say_what_exceeds_them_and_what_is_nearest():
    limits = Limits(luts=1000, latency_ns=20)
    assert not list(Limits().options())
    assert str(limits) == "--max-luts 1000 --max-latency 20"
    points = {"a": Figures(50, 1100, 20, 0.1), "b": Figures(50, 500, 25, 0.1)}
    assert limits.excess(points["a"]) == {"luts": pytest.approx(0.1), "latency_ns": 0}
    assert not limits.are_kept(points["a"])
    assert limits.are_kept(points["a"], slack=0.11)
    assert nearest(points, limits) == "a"


def test_an_encoder_without_luts_is_drawn(tmp_path):
    free, others = Figures(16, 0, 5.0, 0.1), [Figures(20, 300, 7.5, 0.05)]
    plot_search([free], others, tmp_path / "front.png")
    assert (tmp_path / "front.png").exists()
