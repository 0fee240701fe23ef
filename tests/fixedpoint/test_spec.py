import json
from dataclasses import replace

import numpy as np
import pytest

from aefpga.errors import DataError, RunError
from aefpga.fixedpoint import EncoderSpec, FixedType, Tensor
from aefpga.fixedpoint.example import random_spec


@pytest.fixture
def spec():
    return random_spec((6, 5, 3), bits=6)


def test_round_trip(spec, tmp_path):
    spec.save(tmp_path)
    loaded = EncoderSpec.load(tmp_path)
    assert loaded.hash == spec.hash
    assert loaded.layout == "6-5-3"
    assert loaded.bits_per_jet == 18


def test_one_weight_changes_the_hash(spec):
    layer = spec.layers[0]
    words = layer.weight.words.copy()
    words[0, 0] ^= 1
    changed = replace(layer, weight=Tensor(words, layer.weight.type))
    assert replace(spec, layers=(changed, *spec.layers[1:])).hash != spec.hash


def test_provenance_does_not_change_the_hash(spec):
    assert replace(spec, provenance={"run": "other"}).hash == spec.hash


def test_a_changed_file_is_an_error(spec, tmp_path):
    spec.save(tmp_path)
    path = tmp_path / "encoder.json"
    content = json.loads(path.read_text())
    content["layers"][0]["negative_slope_shift"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="changed after training"):
        EncoderSpec.load(tmp_path)


def test_another_schema_is_an_error(spec, tmp_path):
    spec.save(tmp_path)
    path = tmp_path / "encoder.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 99'))
    with pytest.raises(RunError, match="schema version 99"):
        EncoderSpec.load(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"not a zip", b"PK\x03\x04 truncated"])
def test_damaged_arrays_are_an_error(spec, tmp_path, damage):
    spec.save(tmp_path)
    (tmp_path / "encoder.npz").write_bytes(damage)
    with pytest.raises(RunError, match="damaged"):
        EncoderSpec.load(tmp_path)


def test_a_missing_specification_says_what_to_do(tmp_path):
    with pytest.raises(RunError, match="aefpga train --quantize"):
        EncoderSpec.load(tmp_path)


def test_an_accumulator_that_could_overflow_is_refused(spec):
    layer = spec.layers[0]
    held = layer.accumulator
    narrow = FixedType(held.signed, held.width - 1, held.integer - 1, "TRN", "WRAP")
    with pytest.raises(ValueError, match="cannot hold"):
        replace(spec, layers=(replace(layer, accumulator=narrow), *spec.layers[1:]))


def test_saturated_values_are_counted(spec):
    jets = np.zeros((3, 6), np.float32)
    top = float(np.broadcast_to(spec.input.type.max, 6)[2])
    jets[0, 2], jets[1, 2] = 2 * top + 1, top
    assert spec.input.saturated(jets) == {"x2": 1}
    assert spec.input.to_words(jets)[0, 2] == spec.input.type.max_word[2]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_named(spec, bad):
    jets = np.zeros((3, 6), np.float32)
    jets[1, 4] = bad
    with pytest.raises(DataError, match="x4"):
        spec.input.to_words(jets)
