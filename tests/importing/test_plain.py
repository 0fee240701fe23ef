"""Encoders in YAML and NumPy: what they compute, and what is refused with which reason."""

import json

import numpy as np
import pytest
import yaml

from aefpga.errors import DataError, UsageError
from aefpga.fixedpoint import Emulator, FixedType
from aefpga.fixedpoint.example import random_words
from aefpga.importing.plain import read_network
from aefpga.importing.spelling import read_type
from aefpga.workflow.import_encoder import import_encoder

INPUT = "ap_fixed<8,4,AP_RND_CONV,AP_SAT>"
FIRST = {"name": "first", "weight": "ap_fixed<6,2>", "bias": "ap_fixed<8,3>", "activation": "relu",
         "output": "ap_ufixed<8,4,AP_RND_CONV,AP_SAT>"}  # fmt: skip
LAST = {"name": "last", "weight": "ap_fixed<6,2>"}


@pytest.fixture
def write(tmp_path):
    """Write a network of 5, 4 and 3 words, with changes, and return its path."""
    rng = np.random.default_rng(1)
    arrays = {
        "first_weight": rng.integers(-32, 32, (5, 4)) / 16,
        "first_bias": rng.integers(-128, 128, 4) / 32,
        "last_weight": rng.integers(-32, 32, (4, 3)) / 16,
    }

    def written(first=None, last=None, given=None, arrays_=None, **changes):
        layers = [{**FIRST, **(first or {})}, {**LAST, **(last or {})}]
        content = {"input": {"type": INPUT, **(given or {})}, "layers": layers, **changes}
        path = tmp_path / "network.yaml"
        path.write_text(yaml.safe_dump(content))
        np.savez(tmp_path / "network.npz", **{**arrays, **(arrays_ or {})})
        return path, arrays

    return written


def test_words_are_those_of_the_numbers(write):
    path, arrays = write()
    spec = read_network(path).spec
    words = random_words(spec)
    sums = spec.input.network_type.to_values(words) @ arrays["first_weight"] + arrays["first_bias"]
    # QKeras's rule, in NumPy: halves to even, then the range.
    hidden = np.clip(np.rint(np.maximum(sums, 0) * 16), 0, 255) / 16
    latent = hidden @ arrays["last_weight"]
    found = Emulator(spec)(words)
    assert np.array_equal(spec.latent_type.to_values(found), latent)
    assert spec.input.variables == ("x0", "x1", "x2", "x3", "x4")


def test_leaky_words_without_a_rounding_are_exact(write):
    leaky = {"activation": "leaky_relu", "negative_slope": 0.125, "output": None}
    path, arrays = write(first=leaky)
    spec = read_network(path).spec
    words = random_words(spec)
    sums = spec.input.network_type.to_values(words) @ arrays["first_weight"] + arrays["first_bias"]
    latent = np.maximum(sums, sums / 8) @ arrays["last_weight"]
    assert np.array_equal(spec.latent_type.to_values(Emulator(spec)(words)), latent)


def test_a_convolution(write):
    kernel = np.random.default_rng(2).integers(-32, 32, (2, 2, 2, 3)) / 16
    place = {"image": [3, 2, 2], "strides": [1, 1], "padding": "same"}
    arrays = {"first_weight": kernel, "first_bias": np.array([0.5, -1, 2]),
              "last_weight": np.ones((18, 1))}  # fmt: skip
    path, _ = write(first={"convolution": place}, arrays_=arrays)
    spec = read_network(path).spec
    whole = {
        "first_weight": spec.layers[0].matrix.values,
        "first_bias": np.tile(arrays["first_bias"], 6),
    }
    assert spec.layers[0].kind == "convolution"
    path, _ = write(arrays_={**arrays, **whole})
    words = random_words(spec)
    assert np.array_equal(Emulator(spec)(words), Emulator(read_network(path).spec)(words))
    for change, reason in (({"image": [3, 2, 1]}, "a kernel of"), ({"strides": [0, 1]}, "numbers")):
        path, _ = write(first={"convolution": place | change}, arrays_=arrays)
        with pytest.raises(DataError, match=f"layer first: .*{reason}"):
            read_network(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"first": {"weight": "ap_fixed<5,2>"}}, r"layer first, weight: .* are not of type"),
        ({"first": {"weight": "ap_fixed<5,1>"}}, r"layer first, weight: .* are not of type"),
        ({"first": {"output": "ap_fixed<8,4,AP_RND_INF,AP_SAT>"}}, "layer first: .* RND_INF"),
        ({"last": {"output": "ap_fixed<8,4,AP_RND,AP_SAT_SYM>"}}, "layer last: .* as SAT_SYM"),
        ({"last": {"output": "float"}}, "layer last: 'float' is no type"),
        ({"first": {"activation": "sigmoid"}}, r"layers\.0\.activation"),
        ({"first": {"activation": "leaky_relu", "negative_slope": 0.3}}, "first: .* no power of"),
        ({"first": {"activation": "leaky_relu"}}, "layer first: negative_slope"),
        ({"given": {"shift": [1]}}, "input: 1 entries of shift, the first layer takes 5 words"),
        ({"given": {"type": ["ap_int<4>", "ap_uint<3>"]}}, "2 entries of type"),
        ({"given": {"variables": list("aabcd")}}, "input: expected .* different names"),
        ({"arrays_": {"last_weight": np.ones((7, 3))}}, r"layer last: .* 4 arrive"),
        ({"arrays_": {"last_weight": np.ones(4)}}, r"last_weight is float64 of shape \(4,\)"),
        ({"arrays_": {"first_bias": np.full(4, np.nan)}}, "first, bias: .* not finite"),
        ({"layers": []}, "at least 1 item"),
        (
            {"arrays": "other.npz"},
            r"there is no .*other\.npz, the NumPy archive of the weights that",
        ),
        ({"last": {"name": "third"}}, "has no array third_weight"),
        ({"given": {"type": "ap_fixed<50,4>"}}, "need more than 53 bits"),
        ({"trigger": {"score": "squares", "threshold": 0}}, "trigger: a threshold of 0"),
        ({"trigger": {"score": "squares", "counted": [7], "threshold": 1}}, "trigger: "),
        ({"trigger": {"score": "cubes", "threshold": 1}}, r"trigger\.score"),
        ({"trigger": {"score": "largest", "type": "ap_fixed<8,3>", "threshold": 1}}, "trigger: "),
    ],
)
def test_what_is_refused(write, changes, reason):
    path, _ = write(**changes)
    with pytest.raises(DataError, match=reason):
        read_network(path)


def test_an_archive_of_pickles_is_not_opened(write, tmp_path):
    path, _ = write()
    np.savez(tmp_path / "network.npz", first_weight=np.array([{}], object))
    with pytest.raises(DataError, match="expected numbers or texts"):
        read_network(path)


@pytest.mark.parametrize(
    "text",
    [
        "ap_fixed<8>",
        "ap_fixed<a,2>",
        "ap_fixed<8,2",
        "ap_ufixed<0,2>",
        "ap_fixed<8,2,AP_RND,AP_SAT,1>",
        "ap_int<8,AP_RND>",
        "",
    ],
)
def test_texts_that_are_no_type(text):
    with pytest.raises(ValueError, match=r"type|width|saturation"):
        read_type(text)


def test_types_as_text():
    assert read_type("fixed<8,2,TRN,WRAP,0>") == FixedType(True, 8, 2, "TRN", "WRAP")
    assert read_type("ap_uint<3>") == FixedType(False, 3, 3, "TRN", "WRAP")


def test_axol1tl(shared_data, tmp_path):
    """CMS's own words of CMS's own network: 6,003 events, and its scaling of the inputs."""
    described = json.loads((shared_data / "axol1tl_v4.json").read_text())
    offset = {"values": np.floor(described["offset"]).tolist(), "port": "ap_fixed<18,13>",
              "shifted": "ap_fixed<19,14>"}  # fmt: skip
    layers = [
        {
            "name": f"layer{i}",
            "weight": described["weight"],
            "bias": described["bias"],
            "activation": layer["activation"],
            "output": described["hidden output" if layer["activation"] == "relu" else "latent"],
        }
        for i, layer in enumerate(described["layers"], 1)
    ]
    source = {"type": described["input"], "shift": described["shift"], "offset": offset}
    trigger = {"score": "squares", "type": "ap_ufixed<18,14>", "threshold": 415}
    content = {
        "input": source,
        "layers": layers,
        "trigger": trigger,
        "arrays": str((shared_data / "axol1tl_v4.npz").resolve()),
    }
    path = tmp_path / "axol1tl.yaml"
    path.write_text(yaml.safe_dump(content))
    with np.load(shared_data / "axol1tl_v4.npz") as arrays:
        words, latent = arrays["input_words"].astype(np.int64), arrays["latent_words"]
        scores = arrays["score_words"]
    np.save(tmp_path / "words.npy", words[:50])
    # Some of the words given are those of no quantity on the port.
    with pytest.raises(DataError, match=r"the word -?\d+ of x\d+ in row \d+ is none"):
        import_encoder(path, tmp_path / "runs", "a", inputs=tmp_path / "words.npy")
    run = import_encoder(path, tmp_path / "runs", "axol1tl")
    found = Emulator(run.spec).outputs(words)
    assert np.array_equal(found, np.column_stack([latent, scores, scores >= 415]))
    with pytest.raises(UsageError, match="exists already"):
        import_encoder(path, tmp_path / "runs", "axol1tl")
