import numpy as np
import pytest

from aefpga.errors import DataError
from aefpga.evaluation.merit import merit
from aefpga.evaluation.metrics import judge
from aefpga.normalise import Normaliser
from aefpga.schema import KINDS, Schema, Variable

SCHEMA = Schema(
    name="hits",
    variables=(
        Variable(name="charge", kind=KINDS["energy"], unit="GeV"),
        Variable(name="tilt", kind=KINDS["angle"], unit="rad"),
        Variable(name="cells", kind=KINDS["multiplicity"]),
    ),
)


def quality(change):
    rng = np.random.default_rng(3)
    truth = np.stack(
        [rng.uniform(10, 20, 400), rng.uniform(-1, 1, 400), rng.integers(1, 9, 400)], axis=1
    ).astype(np.float32)
    found = truth.copy()
    change(found)
    return judge(truth, found, SCHEMA, Normaliser("min-max", SCHEMA).fit(truth))


def test_it_is_the_mean_of_relative_angular_and_counting_errors():
    def change(found):
        found[:, 0] *= 1.03
        found[:, 1] += 0.015
        found[:20, 2] += 1

    assert merit(quality(change), SCHEMA) == pytest.approx(
        (0.03 + 0.015 / 1.5 + 0.05) / 3, rel=1e-4
    )
    assert merit(quality(lambda found: None), SCHEMA) == 0


def test_without_a_residual_there_is_no_merit():
    low = np.full((50, 1), 1.0, np.float32) * np.linspace(1, 2, 50, dtype=np.float32)[:, None]
    charge = SCHEMA.select(["charge"])
    found = judge(low, low, charge, Normaliser("min-max", charge).fit(low))
    with pytest.raises(DataError, match="hits"):
        merit(found, charge)
