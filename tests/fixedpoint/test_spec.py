import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.errors import DataError, RunError
from aefpga.fixedpoint import (
    DenseLayer,
    Emulator,
    EncoderSpec,
    FixedType,
    Layer,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.fixedpoint.kinds import KINDS


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


def as_schema_2(content):
    """What the version before this one wrote: layers without a tag."""
    for layer in content["layers"]:
        assert layer.pop("kind") == "dense"
    return {**content, "schema": 2}


def test_schema_2_is_read_and_keeps_its_hash(spec, tmp_path):
    spec.save(tmp_path)
    path = tmp_path / "encoder.json"
    old = as_schema_2(json.loads(path.read_text()))
    path.write_text(json.dumps(old))
    loaded = EncoderSpec.load(tmp_path)
    # The hash of schema 2: all but schema, hash and provenance.
    content = {k: v for k, v in old.items() if k not in ("schema", "hash", "provenance")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert loaded.hash == hashlib.sha256(canonical.encode()).hexdigest()


def test_what_schema_2_could_not_say_is_in_the_hash():
    specs = [
        random_spec((6, 5, 3), bits=6),
        random_spec((6, 5, 3), bits=6, rounding="RND_CONV"),
        random_spec((6, 5, 3), bits=6, offset=True),
    ]
    moved = replace(specs[2].input.offset, values=specs[2].input.offset.values * 2)
    specs.append(replace(specs[2], input=replace(specs[2].input, offset=moved)))
    assert len({spec.hash for spec in specs}) == 4


def test_an_offset_and_types_of_each_neuron_come_back(tmp_path):
    spec = random_spec((6, 5, 3), offset=True, per_neuron=True, rounding="RND_CONV")
    spec.save(tmp_path)
    words = adversarial_words(spec, 50)
    loaded = EncoderSpec.load(tmp_path)
    assert loaded.hash == spec.hash
    assert np.array_equal(Emulator(loaded)(words), Emulator(spec)(words))


@dataclass(frozen=True, kw_only=True)
class Diagonal(Layer):
    """A kind of layer of one class: an input for each output, and a factor."""

    kind = "diagonal"
    parts = ("factors", "bias")

    factors: Tensor

    @property
    def matrix(self) -> Tensor:
        return Tensor(np.diag(self.factors.words), self.factors.type)


def test_another_kind_of_layer_is_one_class(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, Diagonal.kind, Diagonal)
    source = random_spec((4, 2)).input
    factors = Tensor(np.array([3, -2, 0, 1]), FixedType(True, 4, 2))
    bias = Tensor(np.array([1, 2, 3, -4]), FixedType(True, 4, 2))
    options = {"activation": "relu", "output": FixedType(False, 6, 3)}
    accumulator = exact_accumulator(
        source.network_type, Tensor(np.diag(factors.words), factors.type), bias
    )
    layer = Diagonal(name="scale", factors=factors, bias=bias, accumulator=accumulator, **options)
    spec = EncoderSpec(source, (layer,))
    spec.save(tmp_path)
    loaded = EncoderSpec.load(tmp_path)
    assert loaded.hash == spec.hash
    assert isinstance(loaded.layers[0], Diagonal)
    dense = DenseLayer(
        name="scale", weight=layer.matrix, bias=bias, accumulator=accumulator, **options
    )
    words = adversarial_words(spec, 100)
    assert np.array_equal(Emulator(loaded)(words), Emulator(EncoderSpec(source, (dense,)))(words))


def test_another_schema_is_an_error(spec, tmp_path):
    spec.save(tmp_path)
    path = tmp_path / "encoder.json"
    path.write_text(path.read_text().replace('"schema": 5', '"schema": 99'))
    with pytest.raises(RunError, match="schema version 99"):
        EncoderSpec.load(tmp_path)


def write(folder, content, arrays):
    """Write a specification with a hash that fits whatever it says."""
    content["words"] = {
        name: hashlib.sha256(
            f"{words.shape}".encode() + np.ascontiguousarray(words).tobytes()
        ).hexdigest()
        for name, words in arrays.items()
    }
    hashed = {k: v for k, v in content.items() if k not in ("schema", "hash", "provenance")}
    canonical = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    content["hash"] = hashlib.sha256(canonical.encode()).hexdigest()
    (folder / "encoder.json").write_text(json.dumps(content))
    np.savez_compressed(folder / "encoder.npz", **arrays)


def crafted(folder):
    """Return the content of a good file of schema 2, where the hash is over all that is there."""
    random_spec((3, 2, 2), bits=4).save(folder)
    with np.load(folder / "encoder.npz") as saved:
        arrays = dict(saved)
    return as_schema_2(json.loads((folder / "encoder.json").read_text())), arrays


LAYER = ("layers", 0)
HUGE = 10**30


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("layers",), []),
        (("layers",), {}),
        (("layers",), [[]]),
        (("layers",), None),
        (("layers", 1, "name"), "hidden_1"),
        ((*LAYER, "name"), "../evil"),
        ((*LAYER, "name"), ["hidden_1"]),
        ((*LAYER, "activation"), "softmax"),
        ((*LAYER, "negative_slope_shift"), -1),
        ((*LAYER, "negative_slope_shift"), HUGE),
        ((*LAYER, "weight"), []),
        ((*LAYER, "weight", "width"), -3),
        ((*LAYER, "weight", "width"), HUGE),
        ((*LAYER, "weight", "integer"), 10**9),
        ((*LAYER, "weight", "width"), [4, 4, 4, 4]),
        ((*LAYER, "weight", "signed"), "yes"),
        ((*LAYER, "output", "rounding"), ["RND"]),
        ((*LAYER, "output", "width"), [[4, 4], [4, 4]]),
        ((*LAYER, "accumulator", "width"), [20, 20]),
        ((*LAYER, "accumulator", "width"), 2),
        ((*LAYER, "accumulator", "integer"), float("nan")),
        (("input",), []),
        (("input", "variables"), ["a", "a", "b"]),
        (("input", "variables"), ["a", [], "b"]),
        (("input", "units"), ["x" * 10**6] * 3),
        (("input", "exponent"), [0, 0, HUGE]),
        (("input", "exponent"), [0, 0, 10**9]),
        (("input", "exponent"), [0, 0]),
        (("input", "mantissa"), [-1, -1, 10**6]),
        (("input", "mantissa"), ["a"] * 3),
        (("input", "type"), "int"),
        (("provenance",), [1]),
        (("provenance",), {"run": {}}),
        (("schema",), "2"),
        (("schema",), []),
    ],
    ids=str,
)
def test_crafted_content_is_an_error_of_the_run(tmp_path, path, value):
    content, arrays = crafted(tmp_path)
    write(tmp_path, content, arrays)
    EncoderSpec.load(tmp_path)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    write(tmp_path, content, arrays)
    with pytest.raises(RunError, match=r"damaged|schema"):
        EncoderSpec.load(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        np.zeros((3, 2)),
        np.zeros((3, 2, 1), np.int64),
        np.zeros(6, np.int64),
        np.zeros((3, 2), np.uint64),
        np.zeros((0, 2), np.int64),
        np.zeros((5000, 2), np.int64),
        np.full((3, 2), 100),
        np.array([["a", "b"]] * 3),
    ],
    ids=lambda words: f"{words.dtype}{words.shape}",
)
def test_crafted_arrays_are_an_error_of_the_run(tmp_path, words):
    content, arrays = crafted(tmp_path)
    write(tmp_path, content, {**arrays, "hidden_1/weight": words})
    with pytest.raises(RunError, match="damaged"):
        EncoderSpec.load(tmp_path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places(content, path=()):
    """Yield the path to every value of JSON content."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_whatever_is_written_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("crafted")
    content, arrays = crafted(folder)
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from(list(places(content))))
        place = content
        for key in path:
            place = place[key]
        if data.draw(st.booleans()):
            place[last] = data.draw(ANYTHING)
        else:
            del place[last]
    write(folder, content, arrays)
    try:
        spec = EncoderSpec.load(folder)
    except RunError:
        return
    words = adversarial_words(spec, 5)
    kind = spec.latent_type
    latent = Emulator(spec)(words)
    assert ((latent >= kind.min_word) & (latent <= kind.max_word)).all()


@pytest.mark.parametrize("text", ["[" * 10**5, "[]", "null", "\x00", '{"schema": NaN}'])
def test_other_files_are_errors_of_the_run(spec, tmp_path, text):
    spec.save(tmp_path)
    (tmp_path / "encoder.json").write_text(text)
    with pytest.raises(RunError, match="damaged"):
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
