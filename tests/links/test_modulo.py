import numpy as np
import pytest

from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.errors import DataError, UsageError
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words
from aefpga.links.modulo import TURN, ModuloCode, Scale
from aefpga.schema import JETS, KINDS, Kind, Schema, Variable

VARIABLES = JETS.choose("24")
NAMES = list(VARIABLES.names)


@pytest.fixture(scope="module")
def learned():
    """A code learned from some jets, and others."""
    found = read_records([str(sample_path())], JETS.choose("24"), max_records=24_000).values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.learning.BATCHES", 500)
        return ModuloCode.learn(found[:18_000], VARIABLES, failures=0.005), found[18_000:]


def test_the_low_bits_are_enough(learned):
    code, jets = learned
    assert code.widths(24).sum() <= 100
    back = code.to_jets(code.to_words(jets))
    for j, v in enumerate(VARIABLES.variables):
        x, y = jets[:, j].astype(float), back[:, j]
        if v.kind.is_count:
            assert (x == y).mean() > 0.98, v.name
        elif v.kind == "angle":
            apart = np.abs(x - y)
            apart = np.minimum(apart, np.abs(2 * np.pi - apart)) if v.name == "phi" else apart
            assert np.quantile(apart, 0.68) < 0.015
        elif (x > 5).sum() > 100:
            apart = np.abs(y / np.where(x > 5, x, 1) - 1)[x > 5]
            assert np.quantile(apart, 0.68) < (0.02 if len(apart) < 300 else 0.012), v.name


def test_it_is_kept_in_a_file(learned, tmp_path):
    code, jets = learned
    code.save(tmp_path / "code.npz")
    again = ModuloCode.load(tmp_path / "code.npz")
    assert again.spec.hash == code.spec.hash
    words = code.to_words(jets[:500])
    np.testing.assert_array_equal(again.to_jets(words), code.to_jets(words))
    (tmp_path / "code.npz").write_bytes((tmp_path / "code.npz").read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read as a modulo code"):
        ModuloCode.load(tmp_path / "code.npz")


@pytest.mark.parametrize("name", ["pt", "eta", "phi", "area", "photon_energy", "vertex_z"])
def test_steps_come_back_as_values_within_a_step(name):
    scale = Scale.of(JETS.variable(name))
    rng = np.random.default_rng(0)
    values = {"phi": rng.uniform(-np.pi, np.pi, 5000), "area": rng.uniform(0, 1.9, 5000)}.get(
        name, rng.lognormal(1, 2, 5000).clip(0, 4 if name == "eta" else 30)
    )
    steps = scale.steps(values)
    back = scale.values(steps)
    np.testing.assert_array_equal(scale.steps(back), steps)
    assert np.quantile(np.abs(back - values) / np.maximum(np.abs(values), 1), 0.99) < 0.025


def test_a_variable_that_never_changes_and_too_few_jets(jets):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.learning.BATCHES", 20)
        variables = JETS.select([*NAMES, "pileup_energy"])
        table = np.append(jets[:1000], np.zeros((1000, 1), np.float32), axis=1)
        code = ModuloCode.learn(table, variables)
        assert (code.to_jets(code.to_words(table))[:, -1] == 0).all()
    with pytest.raises(UsageError, match="too few to learn"):
        ModuloCode.learn(jets[:1], VARIABLES)


def test_phi_wraps_as_the_word_does():
    scale = Scale.of(JETS.variable("phi"))
    steps = scale.steps(np.linspace(-np.pi, np.pi, 1001))
    assert steps.min() == -TURN // 2
    assert steps.max() == TURN // 2 - 1


def test_the_words_are_the_low_bits_of_the_steps(learned):
    code, jets = learned
    words = code.to_words(jets)
    for name in ("pt", "eta", "charged_hadron_multiplicity", "neutral_hadron_energy"):
        j = code._sent.names.index(name)
        steps = Scale.of(JETS.variable(name)).steps(jets[:, NAMES.index(name)].astype(float))
        word = code._word_of[j]
        np.testing.assert_array_equal(words[:, word], np.mod(steps, 1 << code.widths(24)[word]))


def test_rtl_and_c_simulation_send_the_same_words(learned, tmp_path):
    pytest.importorskip("hls4ml", reason="C simulation needs the extra `firmware`")
    from aefpga.firmware.hls import CSimulation
    from aefpga.firmware.rtl import RtlSimulation, make_project

    code, jets = learned
    spec = code.spec
    columns = [NAMES.index(name) for name in spec.input.variables]
    inputs = np.concatenate([spec.input.to_words(jets[:, columns]), adversarial_words(spec)])
    expected = Emulator(spec)(inputs)
    rtl = make_project(spec, 5.0, tmp_path / "rtl", "xcvu9p")
    np.testing.assert_array_equal(RtlSimulation(rtl, tmp_path / "rtl")(inputs), expected)
    np.testing.assert_array_equal(CSimulation(spec, tmp_path / "hls")(inputs), expected)


def test_any_record_whose_kinds_have_steps():
    rng = np.random.default_rng(2)
    variables = [
        Variable(name=n, kind=KINDS[k]) for n, k in (("q", "energy"), ("n", "multiplicity"))
    ]
    hits = Schema(name="hits", variables=variables)
    n = rng.poisson(5, 2000)
    values = np.stack([n * 3.0 + 1, n], axis=1).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.learning.BATCHES", 100)
        code = ModuloCode.learn(values, hits)
    back = code.to_jets(code.to_words(values))
    assert np.mean(back[:, 1] == values[:, 1]) > 0.98
    time = Variable(name="t", unit="ns", kind=Kind(name="time", resolution=0.1, bound=1.0))
    with pytest.raises(UsageError, match="no steps of t, of kind time"):
        ModuloCode.learn(values[:, :1], Schema(name="hits", variables=[time]))
