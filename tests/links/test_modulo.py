"""Modulo words: the low bits of steps, what is made of them, and what is known of being wrong."""

import io
import zipfile

import numpy as np
import pytest

from aefpga.errors import RunError, UsageError
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words
from aefpga.links.check import CHECK_BITS
from aefpga.links.decoder import ModuloDecoder
from aefpga.links.learning import learn_modulo
from aefpga.schema import JETS, KINDS, Schema, Variable

SCHEMA = JETS.choose("24")
NAMES = list(SCHEMA.names)


def test_the_low_bits_are_enough(learned):
    code, jets = learned
    assert code.widths(24).sum() == code.spec.bits_per_jet == 84
    back = code.to_jets(code.to_words(jets))
    for j, v in enumerate(SCHEMA.variables):
        x, y = jets[:, j].astype(float), back[:, j]
        if v.kind.is_count:
            assert (x == y).mean() > 0.985, v.name
        elif v.kind == "angle":
            apart = np.abs(x - y)
            apart = np.minimum(apart, np.abs(2 * np.pi - apart)) if v.name == "phi" else apart
            assert np.quantile(apart, 0.68) < 0.015
        elif (x > 5).sum() > 100:
            apart = np.abs(y / np.where(x > 5, x, 1) - 1)[x > 5]
            assert np.quantile(apart, 0.68) < (0.02 if len(apart) < 300 else 0.0115), v.name


def test_wrong_jets_are_named_and_right_ones_seldom(learned):
    code, jets = learned
    rng = np.random.default_rng(1)
    words, width = code.to_words(jets), code.widths(24)
    disturbed = words.copy()
    bit = rng.integers(0, width.sum(), len(words))
    place = np.searchsorted(np.cumsum(width), bit, side="right")
    disturbed[np.arange(len(words)), place] ^= 1 << (np.cumsum(width)[place] - 1 - bit)
    decoded, rounded = code.decoder.decode(words), code.decoder.rounded(jets)
    right = (decoded.values == rounded).all(axis=1)
    assert right.mean() > 0.94
    assert decoded.improbable[right].mean() < 0.02
    assert decoded.improbable[~right].mean() > 0.5
    # A bit that was lost on the way is never taken for what it was.
    flipped = code.decoder.decode(disturbed[:500])
    assert (flipped.improbable | (flipped.values != decoded.values[:500]).any(axis=1)).all()
    assert flipped.improbable.mean() > 0.5


def test_jets_without_multiplicities_are_unlike_those_it_learned_from(learned):
    code, jets = learned
    unlike = jets[:500].copy()
    unlike[:, [v.kind.is_count for v in SCHEMA.variables]] = 0
    assert code.decoder.decode(code.to_words(unlike)).improbable.mean() > 0.8


def test_it_is_kept_in_a_file(learned, tmp_path):
    code, jets = learned
    code.decoder.save(tmp_path / "code.npz")
    again = ModuloDecoder.load(tmp_path / "code.npz", code.spec)
    words = code.to_words(jets[:300])
    ours, theirs = code.decoder.decode(words), again.decode(words)
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.improbable, theirs.improbable)


def changed(path, **arrays):
    """The archive, with other arrays in the place of some."""
    with np.load(path) as saved:
        content = {**saved, **arrays}
    stream = io.BytesIO()
    np.savez(stream, **content)
    path.with_name("changed.npz").write_bytes(stream.getvalue())
    return path.with_name("changed.npz")


def test_a_file_of_other_content_is_refused_before_it_is_used(learned, tmp_path):
    code, _ = learned
    path = tmp_path / "code.npz"
    code.decoder.save(path)
    with np.load(path) as saved:
        ranges = saved["ranges"]
    for arrays, match in (
        ({"ranges": ranges + np.array([0, 1 << 40])}, "a range that no steps have"),
        ({"ranges": ranges[:, ::-1] - [0, 1]}, "a range that no steps have"),
        ({"ranges": ranges[:-1]}, "ranges of int64 and shape"),
        ({"ranges": ranges.astype(float)}, "ranges of float64"),
        ({"models": np.zeros(10, np.uint8)}, "entropy coding is damaged"),
        ({"encoder": "0" * 64}, "words of encoder 0000000000000000"),
        ({"schema": 3}, "schema 3, expected 5"),
        ({"record": "{}"}, "no schema of a record"),
        ({"limits": np.zeros(2)}, "not enough values"),
    ):
        with pytest.raises(RunError, match=match):
            ModuloDecoder.load(changed(path, **arrays), code.spec)
    bomb = path.with_name("bomb.npz")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        stream = io.BytesIO()
        np.save(stream, np.zeros(5_000_000, np.int64))
        archive.writestr("ranges.npy", stream.getvalue())
    with pytest.raises(RunError, match="claim more than"):
        ModuloDecoder.load(bomb, code.spec)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RunError, match="no decoder of this encoder's words"):
        ModuloDecoder.load(path, code.spec)


def test_models_of_another_number_of_columns_are_refused(learned):
    code, _ = learned
    decoder = code.decoder
    with pytest.raises(ValueError, match="models of 18 columns, expected 19"):
        ModuloDecoder(code.spec, SCHEMA, decoder._models[:-1], decoder._ranges, decoder.limits)


def test_the_words_are_the_low_bits_of_the_steps(learned):
    code, jets = learned
    words, steps = code.to_words(jets), code.decoder.steps(jets)
    for column, name in enumerate(code.decoder.sent.names[:3]):
        width = code.widths(24)[column]
        np.testing.assert_array_equal(words[:, column], np.mod(steps[:, column], 1 << width), name)
    assert code.widths(24)[-1] == CHECK_BITS


def test_what_cannot_be_learned_from_is_named(jets):
    with pytest.raises(UsageError, match="too few for modulo words; give 100 of each"):
        learn_modulo(jets[:1], jets[:1], SCHEMA, 88)
    with pytest.raises(UsageError, match=r"link_bits: 12 bits .*; give at least 8\d, or more"):
        learn_modulo(jets[:200], jets[:200], SCHEMA, 12)
    uncounted = jets[:200].copy()
    uncounted[:, NAMES.index("photon_multiplicity")] = 0
    uncounted[:, NAMES.index("neutral_hadron_multiplicity")] = 0
    said = r"neutral_hadron_energy \(\d+\), photon_energy \(\d+\); .* give --variables pt,.*, or"
    with pytest.raises(UsageError, match=said) as refused:
        learn_modulo(uncounted, jets[:200], SCHEMA, 88)
    assert "photon_multiplicity" not in str(refused.value)
    in_mev = jets[:200] * np.where(np.array(NAMES) == "mass", 1000, 1).astype(np.float32)
    with pytest.raises(UsageError, match=r"of 200 jets have mass beyond 0 to 8191.99.* in GeV"):
        learn_modulo(in_mev, jets[:200], SCHEMA, 88)


def test_rtl_and_c_simulation_send_the_same_words(learned, tmp_path):
    pytest.importorskip("hls4ml", reason="C simulation needs the extra `firmware`")
    from aefpga.firmware.hls import CSimulation
    from aefpga.firmware.rtl import make_project
    from aefpga.firmware.rtl_simulation import RtlSimulation

    code, jets = learned
    spec = code.spec
    inputs = np.concatenate([spec.input.to_words(jets), adversarial_words(spec)])
    expected = Emulator(spec)(inputs)
    rtl = make_project(spec, 5.0, tmp_path / "rtl", "xcvu9p")
    np.testing.assert_array_equal(RtlSimulation(rtl, tmp_path / "rtl")(inputs), expected)
    np.testing.assert_array_equal(CSimulation(spec, tmp_path / "hls")(inputs), expected)


def test_any_record_whose_kinds_have_steps():
    rng = np.random.default_rng(2)
    variables = [
        Variable(name=n, kind=KINDS[k])
        for n, k in (("q", "energy"), ("n", "multiplicity"), ("always", "energy"))
    ]
    hits = Schema(name="hits", variables=variables)
    n = rng.poisson(5, 2000)
    values = np.stack([n * 3.0 + 1, n, np.full(2000, 7)], axis=1).astype(np.float32)
    # As rounded masses are.
    values[:50, 0] = -1e-5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.entropy.learning.BATCHES", 100)
        steps = []
        code = learn_modulo(
            values[:1500], values[1500:], hits, 16, step=lambda *told: steps.append(told)
        )
    assert steps[2:] == [("learning", 3, 3), *(("searches for records", n, 3) for n in range(4))]
    back = code.to_jets(code.to_words(values))
    assert np.mean(back[:, 1] == values[:, 1]) > 0.98
    np.testing.assert_allclose(back[:, 2], 7, rtol=0.02)
