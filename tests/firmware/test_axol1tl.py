"""CMS's anomaly trigger AXOL1TL v4 as a specification: all words and scores of CMS's own C++."""

import ctypes
import json
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from aefpga.firmware.hls import CSimulation
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import (
    DenseLayer,
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Offset,
    Score,
    Tensor,
    Trigger,
    exact_accumulator,
)
from aefpga.fixedpoint.example import adversarial_counts

PART = "xcvu9p-flga2104-2L-e"
# Of CMS's seeds for version 4, very loose to very tight; there score >= threshold, too.
THRESHOLDS = (346, 389, 415, 456, 557)
# The two-step scaling of the inputs, as CMS writes it.
SCALING = """
#include "ap_fixed.h"
extern "C" void scale(const double *quantity, const double *offset, const int *shift, int n,
                      double *words) {
    for (int i = 0; i < n; ++i) {
        ap_fixed<18, 13> value = quantity[i];
        ap_fixed<10, 10> bias = offset[i];
        ap_fixed<8, 6, AP_RND_CONV, AP_SAT> word = (value - bias) >> shift[i];
        words[i] = word.to_double();
    }
}
"""


@pytest.fixture(scope="module")
def description(shared_data):
    return json.loads((shared_data / "axol1tl_v4.json").read_text())


@pytest.fixture(scope="module")
def arrays(shared_data):
    with np.load(shared_data / "axol1tl_v4.npz") as saved:
        return dict(saved)


@pytest.fixture(scope="module")
def spec(description, arrays):
    shift = np.array(description["shift"])
    source = EncoderInput(
        variables=tuple(f"x{i}" for i in range(57)),
        units=("hardware units",) * 57,
        type=FixedType(True, np.full(57, 8), 6 + shift, "RND_CONV", "SAT"),
        exponent=shift,
        mantissa=np.full(57, -1),
        offset=Offset(
            FixedType(True, 18, 13, "TRN", "WRAP"),
            np.floor(description["offset"]),  # ap_fixed<10,10> drops the halves
            FixedType(True, 19, 14, "TRN", "WRAP"),
        ),
    )
    outputs = {
        "relu": FixedType(False, 10, 6, "RND_CONV", "SAT"),
        "linear": FixedType(True, 10, 7, "RND_CONV", "SAT"),
    }
    layers, arriving = [], source.network_type
    for i, content in enumerate(description["layers"], 1):
        types = {"weight": FixedType(True, 6, 3), "bias": FixedType(True, 10, 7)}
        weight, bias = (
            Tensor(kind.to_words(arrays[f"layer{i}_{part}"]), kind) for part, kind in types.items()
        )
        assert np.array_equal(weight.values, arrays[f"layer{i}_weight"])
        assert np.array_equal(bias.values, arrays[f"layer{i}_bias"])
        layers.append(
            DenseLayer(
                name=f"layer{i}",
                weight=weight,
                bias=bias,
                accumulator=exact_accumulator(arriving, weight, bias),
                activation=content["activation"],
                output=outputs[content["activation"]],
            )
        )
        arriving = layers[-1].output
    score = Score("squares", tuple(range(8)), FixedType(False, 18, 14, "TRN", "WRAP"))
    return EncoderSpec(source, tuple(layers), trigger=Trigger(score, 415))


def expected(arrays, threshold=415):
    """Return CMS's own latent words and scores, and the bits that its trigger makes of them."""
    scores = arrays["score_words"]
    return np.column_stack([arrays["latent_words"], scores, scores >= threshold])


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_emulator(spec, arrays, threshold):
    spec = replace(spec, trigger=replace(spec.trigger, threshold=threshold))
    found = Emulator(spec).outputs(arrays["input_words"])
    assert np.array_equal(found, expected(arrays, threshold))
    assert 0 < found[:, -1].mean() < 1


def test_exact_sums_are_not_its_scores(spec, arrays):
    # Two bits of each square are dropped.
    exact = Score.exact("squares", spec.latent_type)(arrays["latent_words"], spec.latent_type)
    assert np.any(exact >> 2 != arrays["score_words"])


def test_it_is_kept_in_a_file(spec, tmp_path):
    spec.save(tmp_path)
    assert EncoderSpec.load(tmp_path).hash == spec.hash


def test_c_simulation(spec, arrays, tmp_path):
    pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")
    # The input words given are not all words of quantities: those that are, are CMS's.
    given = arrays["input_words"].astype(np.int64)
    counts = np.concatenate([spec.input.to_counts(given), adversarial_counts(spec, 300)])
    words = spec.input.of_counts(counts)
    found = CSimulation(spec, tmp_path).encode(counts)
    assert np.array_equal(found, Emulator(spec).outputs(words))
    same = (words[: len(given)] == given).all(axis=1)
    assert same.mean() > 0.5
    assert np.array_equal(found[: len(given)][same], expected(arrays)[same])


def test_rtl(spec, arrays, tmp_path):
    # Without the offsets: the input words given are not all words of quantities.
    rtl = trace(replace(spec, input=replace(spec.input, offset=None)), 25.0)
    write_project(rtl, tmp_path / "rtl", PART)
    found = RtlSimulation(rtl, tmp_path / "rtl").outputs(arrays["input_words"].astype(np.int64))
    assert np.array_equal(found, expected(arrays))


def test_scaling_of_the_inputs(spec, description, tmp_path):
    """The words of quantities, halves and wrapping included, are those of CMS's own types."""
    headers = Path(find_spec("hls4ml").origin).parent / "templates/vivado/ap_types"
    (tmp_path / "scaling.cpp").write_text(SCALING)
    command = ["g++", "-O1", "-shared", "-fPIC", "-I", headers, "scaling.cpp", "-o", "scaling.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    rng = np.random.default_rng(0)
    span = np.array([2.0, 40.0, 5000.0])[:, None, None]
    offset = np.array(description["offset"])
    quantities = (rng.uniform(-1, 1, (3, 4000, 57)) * span + offset).reshape(-1, 57)
    quantities[::2] = np.round(quantities[::2] * 8) / 8  # many halves
    arguments = [
        np.ascontiguousarray(quantities),
        np.ascontiguousarray(np.broadcast_to(offset, quantities.shape)),
        np.ascontiguousarray(np.broadcast_to(spec.input.exponent, quantities.shape), np.int32),
        quantities.size,
        words := np.empty_like(quantities),
    ]
    pointers = [a if isinstance(a, int) else a.ctypes.data_as(ctypes.c_void_p) for a in arguments]
    ctypes.CDLL(str(tmp_path / "scaling.so")).scale(*pointers)
    found = spec.input.network_type.to_values(spec.input.to_words(quantities))
    assert np.array_equal(found, words)
