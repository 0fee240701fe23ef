"""Projects of hls4ml: every word is that of hls4ml's own compiled prediction."""

import re
import shutil
import sys

import numpy as np
import pytest

from aefpga.errors import DataError, UsageError
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_words
from aefpga.importing.hls4ml_project import read_project
from aefpga.importing.refusal import Refusal
from aefpga.workflow.import_encoder import import_encoder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A project that hls4ml wrote from a QKeras model, and hls4ml's compiled model."""
    pytest.importorskip("qkeras", reason="QKeras models need the extra `train`")
    pytest.importorskip("hls4ml", reason="hls4ml projects are made by the extra `firmware`")
    from aefpga.quiet import quiet
    from aefpga.trainers.qkeras.backend import tensorflow

    keras = tensorflow().keras
    import tf_keras
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu

    layers, rng = keras.layers, np.random.default_rng(2)
    weights = {"kernel_quantizer": quantized_bits(6, 0, alpha=1),
               "bias_quantizer": quantized_bits(6, 1, alpha=1)}  # fmt: skip
    scaled = weights | {"kernel_quantizer": quantized_bits(6, 0, alpha="auto_po2")}
    model = keras.Sequential([
        layers.Input((6,)),
        QDense(7, **scaled, name="fc1"),
        QActivation(quantized_relu(6, 2), name="relu1"),
        QDense(5, **weights, name="fc2"),
        layers.LeakyReLU(0.25, name="leaky"),
        layers.Dense(4, name="fc3"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu3"),
        QDense(3, **weights, name="out"),
    ])  # fmt: skip
    for layer in model.layers:
        shapes = [w.shape for w in layer.get_weights()]
        layer.set_weights([np.abs(rng.normal(0, 0.6, s)) + 0.1 if i == 3 else rng.normal(0, 0.6, s)
                           for i, s in enumerate(shapes)])  # fmt: skip
    folder = tmp_path_factory.mktemp("hls") / "project"
    with pytest.MonkeyPatch.context() as patch, quiet():
        # hls4ml 1.3 takes models of Keras 2 if that is `keras`, and writes powers of two with
        # NumPy 1's name of `prod`.
        patch.setitem(sys.modules, "keras", tf_keras)
        patch.setattr(np, "product", np.prod, raising=False)
        import hls4ml

        config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
        names = config["LayerName"]
        next(iter(names.values()))["Precision"]["result"] = "fixed<8,4,RND_CONV,SAT>"
        names["out"]["Strategy"] = "Resource"
        made = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=str(folder), backend="Vitis"
        )
        made.compile()
    return folder, made


def test_words_are_those_of_hls4ml(written):
    folder, made = written
    imported = read_project(folder)
    spec = imported.spec
    words = np.concatenate([adversarial_words(spec), random_words(spec, 4000, seed=3)])
    predicted = made.predict(np.ascontiguousarray(spec.input.network_type.to_values(words)))
    found = Emulator(spec)(words)
    assert np.array_equal(spec.latent_type.to_values(found), predicted.reshape(found.shape))
    assert len(np.unique(found)) > 100
    kinds = {layer.activation for layer in spec.layers}
    assert kinds == {"linear", "relu", "leaky_relu"}
    assert "not compared" in imported.notes[0]
    assert {"defines.h", "parameters.h", "w2.h", "myproject.cpp"} <= {
        p.name for p in imported.files
    }


def test_a_project_becomes_a_run(written, tmp_path):
    run = import_encoder(written[0], tmp_path, "theirs")
    assert run.imported["source"] == "project"
    assert {"defines.h", "w2.h"} <= run.manifest["inputs"].keys()
    with pytest.raises(UsageError, match="--input-type and --types are of Keras models"):
        import_encoder(written[0], tmp_path, "b", input_type="ap_int<4>")


CHANGES = {
    "an accumulator that is too narrow": (
        "defines.h", r"fc2_accum_t;", "x;\ntypedef ap_fixed<9,6> fc2_accum_t;",
        r"layer fc2 \(nnet::dense\): its accumulator fixed<9,6,TRN,WRAP> rounds products",
    ),
    "a rounding that is not known": (
        "defines.h", r"AP_RND_CONV,AP_SAT,0> layer", "AP_RND_ZERO,AP_SAT,0> layer",
        r"layer relu1 .*rounds as RND_ZERO",
    ),
    "a softmax": ("myproject.cpp", "nnet::relu<", "nnet::softmax<", "softmax.*only dense"),
    "another way": ("myproject.cpp", "layer2_out, w", "layer9_out, w", "arrives|it takes"),
    "code": ("myproject.cpp", "nnet::relu<", "system(x); nnet::relu<", "nothing that is known"),
    "streams": ("myproject.cpp", "input_t ", "hls::stream<input_t> &", "io_stream"),
    "other weights": ("weights/w2.txt", r"^-?0\.", "1.", r"w2\.h has no numbers, or others"),
    "too few weights": ("parameters.h", "n_out = 7;", "n_out = 6;", r"has 42 numbers; expected 36"),
    "too many": ("parameters.h", "n_in = 6;", "n_in = 600000;", "600000 × 7; at most"),
    "what is missing": ("parameters.h", "typedef fc1_accum_t accum_t;", "", "not as hls4ml"),
    "a product": ("parameters.h", "product::mult<", "product::both_binary<", "both_binary"),
    "compression": ("parameters.h", "nnet::latency", "nnet::compressed", "nnet::compressed"),
    "a slope": ("myproject.cpp", r", 0\.25", ", 0.0", "slope of 0 is no power"),
    "a type": ("defines.h", "weight2_t;", "x;", "weight2_t' is no type"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_refused(written, name, tmp_path):
    file, pattern, new, reason = CHANGES[name]
    shutil.copytree(written[0] / "firmware", tmp_path / "firmware",
                    ignore=shutil.ignore_patterns("*_utils", "ap_types"))  # fmt: skip
    path = tmp_path / "firmware" / file
    text, count = re.subn(pattern, new, path.read_text())
    assert count
    path.write_text(text)
    with pytest.raises(Refusal, match=reason):
        read_project(tmp_path)


def test_folders_that_are_no_projects(written, tmp_path):
    with pytest.raises(DataError, match="expected a project that hls4ml wrote"):
        read_project(tmp_path)
    for name in ("defines.h", "parameters.h"):
        (tmp_path / "firmware").mkdir(exist_ok=True)
        (tmp_path / "firmware" / name).write_text("")
    with pytest.raises(DataError, match="has 0 files with layers"):
        read_project(tmp_path)
    (tmp_path / "firmware" / "defines.h").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"defines\.h cannot be read"):
        read_project(tmp_path)
