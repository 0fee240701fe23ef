"""Tables of a study: what they say first, and which model they call best."""

from dataclasses import replace

import numpy as np

from aefpga.evaluation.metrics import Quality, Spread, VariableQuality
from aefpga.evaluation.tables import Result, markdown

NONE = Spread.of(np.zeros(0))


def result(model: str, seed: int, mse: float, width: float | None) -> Result:
    pt = VariableQuality(
        "pt", "GeV", "relative", replace(NONE, half_width_68=width), None, None, None, None, (), (),
        0.0, 0.0,
    )  # fmt: skip
    return Result(
        model, "physics", "24", seed, 1.0, {"float": Quality(mse, mse, mse, (pt,), ("pt",))}
    )


def test_the_best_is_so_in_the_median_and_what_is_missing_is_not():
    results = [
        *(result("lucky", seed, mse, 0.2) for seed, mse in enumerate((1e-6, 0.5, 0.5))),
        *(result("steady", seed, 0.1, 0.1) for seed in range(3)),
        *(result("silent", seed, 0.3, None) for seed in range(3)),
    ]
    text = markdown(results, "hits", "Trained on hits.")
    assert text.startswith("Trained on hits. Each cell: float / quantized, median of 3 seeds; test")
    assert "68 % of hits stay below" in text
    assert "error steady, physics; least pt residual steady, physics: the two figures agree" in text
    one = markdown(results[:1], "hits", "Trained on hits.")
    assert "quantized, of one seed; test hits" in one
