"""Benchmarks of training have networks that can be built."""

from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_networks_that_are_timed_can_be_built(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import scaling
    import training

    for model in (*training.NETWORKS, scaling.NETWORK):
        assert training.autoencoder(model).output_shape == (None, 24)
