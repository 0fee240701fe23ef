"""Models of QKeras: every word is that of the model's own predict."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from aefpga.errors import DataError
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_words
from aefpga.importing import keras_file
from aefpga.importing.keras_model import GivenTypes, LayerTypes, read_keras_model
from aefpga.importing.quantizers import read_quantizer
from aefpga.importing.refusal import Refusal

DATA = Path(__file__).parents[1] / "data"
INPUT = "ap_fixed<6,3,AP_RND_CONV,AP_SAT>"
TYPES = {"normalised": GivenTypes(input=INPUT)}


@pytest.mark.parametrize("name", ["po2", "halves", "normalised", "convolved"])
def test_words_are_those_of_predict(saved, name):
    path, model = saved[name]
    imported = read_keras_model(path, TYPES.get(name, GivenTypes()))
    spec = imported.spec
    words = np.concatenate([adversarial_words(spec), random_words(spec, 4000, seed=3)])
    values = spec.input.network_type.to_values(words).reshape(-1, *model.input_shape[1:])
    predicted = model.predict(values, verbose=0, batch_size=6000)
    found = Emulator(spec)(words)
    assert np.array_equal(spec.latent_type.to_values(found), predicted)
    assert len(np.unique(found)) > 8
    assert imported.compared.equal == imported.compared.words > 5000
    assert not imported.notes


def test_halves_are_rounded_often(saved):
    """What the rounding of halves decides, is tested: half up makes other words."""
    path, _ = saved["halves"]
    spec = read_keras_model(path, GivenTypes()).spec
    words = random_words(spec)
    up = replace(spec, layers=tuple(
        replace(x, output=replace(x.output, rounding="RND")) for x in spec.layers
    ))  # fmt: skip
    assert (Emulator(spec)(words) != Emulator(up)(words)).any(axis=1).mean() > 0.3


def test_pruned_weights_are_zeros(saved):
    layers = read_keras_model(saved["po2"][0], GivenTypes()).spec.layers
    assert (layers[0].matrix.words == 0).mean() > 0.3


def test_both_kinds_of_files_are_one_encoder(saved):
    path, _ = saved["po2"]
    first, second = (
        read_keras_model(p, GivenTypes()).spec for p in (path, path.with_suffix(".h5"))
    )
    assert first.hash == second.hash


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_of_qkeras_v3(suffix):
    """The words are those that qkeras-v3 1.2.1 on Keras 3.15.1 predicted, which wrote the file."""
    pytest.importorskip("qkeras", reason="QKeras models need the extra `train`")
    spec = read_keras_model(DATA / f"qkeras_v3{suffix}", GivenTypes()).spec
    with np.load(DATA / "qkeras_v3.npz") as kept:
        inputs, outputs = kept["inputs"], kept["outputs"]
    found = Emulator(spec).encode(inputs)
    assert np.array_equal(spec.latent_type.to_values(found), outputs)


def test_sums_that_keras_rounds_are_named(saved):
    """A float32 has 24 bits: the words are those of exact sums, and what Keras makes is counted."""
    path, _ = saved["normalised"]
    with pytest.raises(Refusal, match=r"norm .*too many bits"):
        read_keras_model(path, GivenTypes(input="ap_fixed<24,3>"))
    path, _ = saved["po2"]
    imported = read_keras_model(path, GivenTypes(input="ap_fixed<24,4>"))
    assert not imported.notes  # the first quantizer rounds to 8 bits
    assert imported.spec.layers[0].n_in == imported.spec.layers[0].n_out == 6
    fine = altered(path, quantizer("q_activation", "activation", bits=22))
    imported = read_keras_model(fine, GivenTypes())
    assert imported.notes[0].startswith("sums of fc1 may need more than the 24 bits of a float32")
    assert imported.compared.equal > 0.99 * imported.compared.words


def test_types_of_floats(saved):
    def no_quantizer(layers):
        layers["out"]["kernel_quantizer"] = None

    path = altered(saved["po2"][0], no_quantizer)
    with pytest.raises(Refusal, match=r"layer out \(QDense\), kernel: it has no kernel_quantizer"):
        read_keras_model(path, GivenTypes())
    given = LayerTypes(weight="ap_fixed<8,2,AP_RND_CONV,AP_SAT>", output="ap_fixed<9,5,AP_RND>")
    imported = read_keras_model(path, GivenTypes(layers={"out": given}))
    weights = saved["po2"][1].get_layer("out").get_weights()[0]
    assert np.array_equal(imported.spec.layers[-1].matrix.values, np.rint(weights * 64) / 64)
    assert "rounded to the types given" in imported.notes[0]
    with pytest.raises(Refusal, match="no layers other"):
        read_keras_model(path, GivenTypes(layers={"other": given}))


def altered(path, change):
    """Return a copy of a file whose layers' configurations, by name, were changed."""
    target = path.with_name(f"altered-{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                whole = json.loads(content)
                entries = {x["config"]["name"]: x for x in whole["config"]["layers"]}
                change({n: x["config"] for n, x in entries.items()} | {"entries": entries})
                content = json.dumps(whole).encode()
            copy.writestr(name, content)
    return target


def quantizer(layer, part, **options):
    def change(layers):
        layers[layer][part]["config"] |= options

    return change


def activation(layer, content):
    def change(layers):
        layers[layer]["activation"] = content

    return change


def kind(layer, name, **config):
    def change(layers):
        layers["entries"][layer]["class_name"] = name
        layers["entries"][layer]["config"] |= config

    return change


KERNEL = "kernel_quantizer"
WRONG = {
    "a scale that is no power of two": (
        quantizer("fc1", KERNEL, alpha="auto"),
        r"layer fc1 \(QDense\): .*alpha='auto' scales",
    ),
    "a number that is none": (quantizer("fc1", KERNEL, alpha=0.3), "fc1 .*0.3 is no power of two"),
    "a softmax": (activation("out", "softmax"), "layer out .* softmax has no exact words"),
    "a tanh": (activation("fc1", "quantized_tanh(8)"), "fc1 .*quantized_tanh has no exact words"),
    "a leaky ReLU that clips": (
        quantizer("fc2", "activation", integer=0),
        "layer fc2 .* clips at the word -32, and sums may go below",
    ),
    "another slope": (quantizer("fc2", "activation", negative_slope=0.3), "fc2 .*slope of 0.3"),
    "a symmetric input": (
        quantizer("q_activation", "activation", symmetric=1),
        "q_activation .* leaky or symmetric",
    ),
    "random rounding": (
        quantizer("fc1", KERNEL, use_stochastic_rounding=True),
        "layer fc1 .* rounds at random",
    ),
    "a sigmoid": (quantizer("q_activation_1", "activation", use_sigmoid=1), "sigmoid"),
    "a bias without a type": (
        lambda layers: layers["fc1"].update(bias_quantizer=None),
        r"layer fc1 \(QDense\), bias: it has no bias_quantizer",
    ),
    "no input type": (
        kind("q_activation", "Dropout"),
        "layer fc1 .* words that go in is not known.* --input-type",
    ),
    "custom code": (
        kind("dropout", "Lambda", function="x"),
        r"dropout \(Lambda\): it is not known",
    ),
    "a wrapper": (kind("dropout", "PruneLowMagnitude"), "strip_pruning"),
    "code for a quantizer": (
        activation("fc1", "quantized_bits(__import__('os').system('exit'))"),
        "layer fc1 .* is no quantizer",
    ),
    "many bits": (quantizer("fc1", "bias_quantizer", bits=10**9), "bits=1000000000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(saved, name):
    change, reason = WRONG[name]
    with pytest.raises(Refusal, match=reason):
        read_keras_model(altered(saved["po2"][0], change), GivenTypes())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda layers: layers["conv1"].update(dilation_rate=[2, 2]), "1, 1. is known"),
        (lambda layers: layers["conv1"].update(padding="causal"), "expected valid or same"),
        (lambda layers: layers["conv1"].update(strides=[0, 1]), "three numbers and two"),
        (kind("flatten", "MaxPooling2D"), r"flatten \(MaxPooling2D\): it is not known"),
        (kind("flatten", "Dropout"), r"layer out \(QDense\): .*its weights do not fit"),
    ],
)
def test_convolutions_that_are_refused(saved, change, reason):
    with pytest.raises(Refusal, match=reason):
        read_keras_model(altered(saved["convolved"][0], change), GivenTypes())


def test_a_normalisation_that_is_not_exact_is_refused(saved, tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(saved["normalised"][0].read_bytes())
    with h5py.File(path, "r+") as file:
        file["model_weights/norm/norm/moving_variance:0"][2] = 0.3
    with pytest.raises(Refusal, match=r"layer norm \(BatchNormalization\): .* too many bits"):
        read_keras_model(path, TYPES["normalised"])


def test_branches_are_refused(saved):
    def skip(layers):
        entry = layers["entries"]["b"]
        entry["inbound_nodes"] = [[*entry["inbound_nodes"][0], ["a", 0, 0, {}]]]

    with pytest.raises(Refusal, match=r"layer b \(QDense\): 2 tensors go in"):
        keras_file.read_keras_file(altered(saved["halves"][0], skip))

    def loose(layers):
        layers["entries"]["b"]["inbound_nodes"][0][0][0] = "q_activation_3"

    with pytest.raises(Refusal, match=r"no layer|on the way"):
        keras_file.read_keras_file(altered(saved["halves"][0], loose))


def test_files_that_are_no_models(saved, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    whole = saved["po2"][0].read_bytes()
    for content in (b"", b"PK\x03\x04", whole[:3000], b"\x89HDF\r\n\x1a\n" + bytes(99)):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no readable file of a Keras model"):
            keras_file.read_keras_file(path)
    path.write_bytes(whole)
    monkeypatch.setattr(keras_file, "MAX_CONFIG", 100)
    with pytest.raises(DataError, match=r"config\.json claims"):
        keras_file.read_keras_file(path)


def test_an_input_that_claims_too_much(saved):
    def large(layers):
        entry = next(x for x in layers["entries"].values() if x["class_name"] == "InputLayer")
        entry["config"]["batch_input_shape"] = [None, 1 << 19]

    with pytest.raises(Refusal, match=r"524,288 words arrive; at most 4,096"):
        read_keras_model(altered(saved["po2"][0], large), GivenTypes())


def test_weights_elsewhere_or_too_many(saved, tmp_path):
    tensor = "model_weights/fc1/fc1/kernel:0"
    for i, (change, reason) in enumerate((
        (lambda f: f.__setitem__(tensor, h5py.ExternalLink("other.h5", "/x")), "in another file"),
        (lambda f: f.create_dataset(tensor, (1 << 21,), "f4"), "expected at most"),
        (lambda f: f.create_dataset(tensor, (2, 2), "f4"), "its weights do not fit|arrive"),
        (lambda f: f.create_dataset(tensor, (6, 7), "f4", fillvalue=np.nan), "not finite"),
        (lambda f: f.create_dataset(tensor, (6, 7), "i4"), "weights of int32"),
    )):  # fmt: skip
        path = tmp_path / f"{i}.h5"
        path.write_bytes(saved["po2"][0].with_suffix(".h5").read_bytes())
        with h5py.File(path, "r+") as file:
            del file[tensor]
            change(file)
        with pytest.raises(Refusal, match=reason):
            read_keras_model(path, GivenTypes())


@pytest.mark.parametrize(
    "text", ["1+1", "f(", "quantized_bits(*a)", "a.b()", "quantized_bits(" + "(" * 999]
)
def test_texts_that_are_no_quantizers(text):
    with pytest.raises(Refusal, match="is no quantizer"):
        read_quantizer("here", text)
