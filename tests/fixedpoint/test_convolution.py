"""A convolution is its matrix: against the sums of its definition, in files and as logic."""

import json
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.errors import RunError
from aefpga.firmware.rtl import estimated_luts, trace
from aefpga.fixedpoint import (
    Convolution,
    ConvolutionLayer,
    DenseLayer,
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.example import adversarial_words


def of_definition(image, kernel, strides, padding):
    """Return a convolution's sums, each by its own loop over the kernel."""
    size, (height, width) = kernel.shape[:2], image.shape[:2]
    if padding == "same":
        down, across = (-(-n // s) for n, s in zip((height, width), strides, strict=True))
        missing = [max((n - 1) * s + k - m, 0) for n, s, k, m in
                   zip((down, across), strides, size, (height, width), strict=True)]  # fmt: skip
        image = np.pad(image, [*((m // 2, m - m // 2) for m in missing), (0, 0)])
    down, across = ((n - k) // s + 1 for n, k, s in
                    zip(image.shape[:2], size, strides, strict=True))  # fmt: skip
    return np.array([
        [np.einsum("ijc,ijcf->f", image[y * strides[0] :, x * strides[1] :][: size[0], : size[1]],
                   kernel) for x in range(across)]
        for y in range(down)
    ])  # fmt: skip


@st.composite
def convolutions(draw):
    sizes = st.integers(1, 5)
    image = draw(st.tuples(sizes, sizes, st.integers(1, 2)))
    kernel = (*(draw(st.integers(1, n)) for n in image[:2]), image[2], draw(st.integers(1, 3)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.sampled_from(["valid", "same"]))
    numbers = st.integers(0, prod(image) - 1)
    places = draw(st.none() | st.lists(numbers, min_size=1, unique=True).map(tuple))
    return Convolution(image, strides, padding, places), kernel


@given(convolutions(), st.integers(0, 2**32 - 1))
def test_the_matrix_is_that_of_the_definition(drawn, seed):
    convolution, shape = drawn
    rng = np.random.default_rng(seed)
    kernel, image = rng.integers(1, 9, shape), rng.integers(-9, 9, convolution.image)
    inputs = image.ravel()
    if convolution.places is not None:
        inputs = rng.integers(-9, 9, convolution.n_in)
        image = np.zeros(convolution.image, int)
        image.ravel()[list(convolution.places)] = inputs
    expected = of_definition(image, kernel, convolution.strides, convolution.padding)
    assert convolution.shape(shape) == expected.shape
    matrix = convolution.matrix(kernel)
    assert np.array_equal(inputs @ matrix, expected.ravel())
    # What a place of the kernel reads is where its columns are not zero.
    n = shape[3]
    for place, inputs in enumerate(convolution.inputs(shape)):
        assert np.flatnonzero(matrix[:, place * n]).tolist() == inputs


def test_a_filter_may_have_a_type_of_its_own():
    rng, kind = np.random.default_rng(0), FixedType(True, 5, [1, 3])
    kernel, convolution = Tensor(rng.integers(-16, 16, (2, 2, 1, 2)), kind), Convolution((3, 2, 1))
    matrix = convolution.lowered(kernel)
    assert np.array_equal(matrix.values, convolution.matrix(kernel.values))
    with pytest.raises(ValueError, match="one type for all weights"):
        convolution.lowered(Tensor(kernel.words, kind.broadcast((2, 2, 1, 2))))


@pytest.fixture
def spec():
    """An image of 6 × 5 × 2, strides and zeros around it, 3 filters; and a dense layer."""
    rng, kind = np.random.default_rng(0), FixedType(True, 4, 1)
    n = 60
    source = EncoderInput(
        tuple(f"x{i}" for i in range(n)), ("",) * n, FixedType(True, np.full(n, 5), 3),
        np.zeros(n, int), np.full(n, -1),
    )  # fmt: skip
    convolution = Convolution((6, 5, 2), (2, 1), "same")
    kernel = Tensor(rng.integers(-8, 8, (3, 2, 2, 3)), kind)
    n_out = int(np.prod(convolution.shape(kernel.words.shape)))
    bias = Tensor(rng.integers(-8, 8, n_out), kind)
    matrix = Tensor(convolution.matrix(kernel.words), kind)
    first = ConvolutionLayer(
        name="conv", weight=kernel, bias=bias, activation="relu", **vars(convolution),
        accumulator=exact_accumulator(source.network_type, matrix, bias),
        output=FixedType(False, 5, 3, "RND_CONV"),
    )  # fmt: skip
    weight = Tensor(rng.integers(-8, 8, (n_out, 2)), kind)
    bias = Tensor(np.zeros(2, int), kind)
    last = DenseLayer(
        name="latent", weight=weight, bias=bias, activation="linear",
        accumulator=exact_accumulator(first.output, weight, bias), output=FixedType(True, 8, 6),
    )  # fmt: skip
    return EncoderSpec(source, (first, last))


def as_dense(spec):
    first = spec.layers[0]
    content = {name: getattr(first, name) for name in
               ("name", "bias", "accumulator", "activation", "output")}  # fmt: skip
    return replace(spec, layers=(DenseLayer(weight=first.matrix, **content), spec.layers[1]))


def test_it_is_kept_by_its_kernel(spec, tmp_path):
    spec.save(tmp_path)
    loaded = EncoderSpec.load(tmp_path)
    assert loaded.hash == spec.hash != as_dense(spec).hash
    words = adversarial_words(spec)
    assert np.array_equal(Emulator(loaded)(words), Emulator(as_dense(spec))(words))
    assert "places" not in (tmp_path / "encoder.json").read_text()
    with np.load(tmp_path / "encoder.npz") as arrays:
        assert arrays["conv/weight"].shape == (3, 2, 2, 3)
    path = tmp_path / "encoder.json"
    for before, after in (
        ('"same"', '"other"'),
        ('"strides": [\n        2', '"strides": [\n        0'),
    ):
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
        with pytest.raises(RunError, match="damaged"):
            EncoderSpec.load(tmp_path)
        path.write_text(text)


def test_places_of_the_inputs_are_kept(spec):
    layer = replace(spec.layers[0], places=tuple(range(60))[::-1])
    assert np.array_equal(layer.matrix.words, spec.layers[0].matrix.words[::-1])
    words = {part: getattr(layer, part).words for part in layer.parts}
    kept = ConvolutionLayer.from_config(json.loads(json.dumps(layer.to_config())), words)
    assert kept.to_config() == layer.to_config()
    assert np.array_equal(kept.matrix.words, layer.matrix.words)


def test_logic_is_made_place_by_place(spec):
    """da4ml's logic is checked against the emulator when it is traced, and costs as much."""
    trace(spec, 5.0)
    assert estimated_luts(spec) < 1.1 * estimated_luts(as_dense(spec))


@pytest.mark.parametrize(
    ("image", "kernel", "reason"),
    [
        ((6, 5, 2), (7, 1, 2, 1), "larger than the image"),
        ((6, 5, 2), (3, 3, 1, 1), "a kernel of shape"),
        ((6, 5, 2), (3, 3, 2, 0), "a kernel of shape"),
        ((64, 64, 1), (1, 1, 1, 1), "4096 × 4096; at most"),
    ],
)
def test_kernels_that_do_not_fit(image, kernel, reason):
    with pytest.raises(ValueError, match=reason):
        Convolution(image).shape(kernel)


@pytest.mark.parametrize("change", [{"image": (0, 1, 1)}, {"image": (2, 2)}, {"strides": (1, 1.0)},
                                    {"image": (2, 2, 5000)}, {"padding": "full"},
                                    {"places": (0, 0)}, {"places": (4,)}, {"places": ()}]
                         )  # fmt: skip
def test_convolutions_that_are_none(change):
    with pytest.raises(ValueError, match=r"expected"):
        Convolution(**{"image": (2, 2, 1), **change})
