"""Projects of hls4ml as specifications: what its C++ casts is cast here, or refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import Activation, FixedType, Tensor, exact_accumulator
from aefpga.importing.chain import (
    Chain,
    Imported,
    check_size,
    plain_input,
    slope_shift,
    smallest_tensor,
)
from aefpga.importing.hls4ml_source import Call, ExponentType, Source
from aefpga.importing.refusal import Refusal

FORMAT = "hls4ml project"
NOTE = (
    "not compared with the project's own C simulation, which would be to compile and run it; the "
    "types of its C++ were followed cast by cast"
)
# Bits of a factor that is a power of two, at most.
MOST_BITS = 53


def read_project(folder: Path) -> Imported:
    """Read an encoder from the folder of an hls4ml project, of `io_parallel`.

    Raises
    ------
    DataError
        If it is no project of hls4ml.
    Refusal
        If a layer cannot be represented exactly.
    """
    source = Source(folder)
    reader = _Reader(source)
    for call in source.calls:
        reader.read(call)
    spec = reader.finished().spec()
    return Imported(spec, FORMAT, notes=(NOTE,), files=tuple(source.files))


@dataclass
class _Product:
    """A matrix product all of whose sums its result holds: what rounds them may come later."""

    name: str
    weight: Tensor
    bias: Tensor


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        check_size("input", source.input.size, 1)
        kind = source.type("input", source.input.type)
        self._chain = Chain(plain_input(kind, source.input.size))
        self._current, self._type = source.input.name, kind
        self._product: _Product | None = None

    def read(self, call: Call) -> None:
        if call.function not in _READERS:
            raise Refusal(call.where, f"only {', '.join(_READERS)} have exact words here")
        if len(call.types) < 3 or len(call.arguments) < 2 or call.arguments[0] != self._current:
            raise Refusal(call.where, f"it takes {call.arguments[0]}, {self._current} arrives")
        if self._source.type(call.where, call.types[0]) != self._type:
            raise Refusal(call.where, f"it reads {call.types[0]}, words of {self._type} arrive")
        try:
            _READERS[call.function](self, call)
        except (KeyError, IndexError) as error:
            raise Refusal(call.where, f"it is not as hls4ml writes it: {error} lacks") from error

    def finished(self) -> Chain:
        """Return the layers, if they end at the output."""
        self._flush()
        output = self._source.output
        if self._current != output.name or self._chain.width != output.size:
            raise Refusal("the project", f"its layers end at {self._current}, not {output.name}")
        if not self._chain.layers:
            raise Refusal("the project", "it has no layers")
        return self._chain

    def dense(self, call: Call) -> None:
        """``dense<data, result, config>(data, result, weights, biases)``."""
        self._flush()
        where, source = call.where, self._source
        config = source.configuration(where, call.types[2])
        n_in, n_out = (config.number(where, n) for n in ("n_in", "n_out"))
        check_size(call.name, n_in, n_out)
        if n_in != self._chain.width:
            raise Refusal(where, f"it takes {n_in} words, {self._chain.width} arrive")
        if config.product != "mult":
            raise Refusal(where, f"its products are {config.product}; only mult is known")
        strategy = config.constants.get("strategy", "nnet::latency")
        if strategy not in ("nnet::latency", "nnet::resource") or "ompress" in config.kernel:
            raise Refusal(where, f"its strategy {strategy} ({config.kernel}) is not known")
        numbers = source.numbers(where, call.arguments[2], n_in * n_out)
        # For the strategy Resource hls4ml keeps them transposed.
        is_transposed = strategy == "nnet::resource"
        shape = (n_out, n_in) if is_transposed else (n_in, n_out)
        numbers = numbers.reshape(shape).T if is_transposed else numbers.reshape(shape)
        weight = self._tensor(where, numbers, config.types, "weight_t")
        biases = source.numbers(where, call.arguments[3], n_out)
        bias = self._tensor(where, biases, config.types, "bias_t")
        accumulator = source.type(where, config.types["accum_t"])
        result = source.type(where, call.types[1])
        exact = self._sums(where, weight, bias)
        if not _holds(accumulator, exact) and not _wraps_alike(accumulator, result, exact):
            raise Refusal(
                where,
                f"its accumulator {accumulator} rounds products or overflows, where sums need "
                f"{exact}: each product is cut on its own, which is no one rounding. Give it that "
                "type, or 'auto' as its precision",
            )
        self._add(call, _Product(call.name, weight, bias), exact, result)

    def normalize(self, call: Call) -> None:
        """``normalize<data, result, config>(data, result, scale, bias)``: a factor each."""
        self._flush()
        where, source, n = call.where, self._source, self._chain.width
        config = source.configuration(where, call.types[2])
        if config.number(where, "n_in") != n:
            raise Refusal(where, f"it takes {config.constants['n_in']} words, {n} arrive")
        channels = config.number(where, "n_filt")
        channels = n if channels == -1 else channels
        if channels < 1 or n % channels:
            raise Refusal(where, f"{n} words are of no whole number of {channels} channels")
        check_size(call.name, n, n)
        numbers = source.numbers(where, call.arguments[2], channels)
        kind = source.scale_type(where, config.types["scale_t"])
        if isinstance(kind, ExponentType):
            factors = smallest_tensor(where, numbers, MOST_BITS)
            self._check_shifts(where, kind, numbers)
        elif config.product == "mult":
            factors = self._tensor(where, numbers, config.types, "scale_t")
        else:
            raise Refusal(where, f"its products are {config.product}; only mult is known")
        biases = source.numbers(where, call.arguments[3], channels)
        bias = self._tensor(where, np.tile(biases, n // channels), config.types, "bias_t")
        words = np.diag(np.tile(factors.words, n // channels))
        weight = Tensor(words, factors.type)
        exact = self._sums(where, weight, bias)
        result = source.type(where, call.types[1])
        self._add(call, _Product(call.name, weight, bias), exact, result)

    def relu(self, call: Call) -> None:
        """``relu<data, result, config>(data, result)``."""
        self._activate(call, "relu", call.types[1])

    def linear(self, call: Call) -> None:
        """``linear<data, result, config>(data, result)``: a cast."""
        self._activate(call, "linear", call.types[1])

    def leaky_relu(self, call: Call) -> None:
        """``leaky_relu<data, slope, result, config>(data, slope, result)``."""
        if len(call.types) != 4 or len(call.arguments) != 3:
            raise Refusal(call.where, "it is not as hls4ml 1.x writes it")
        kind = self._source.type(call.where, call.types[1])
        try:
            slope = float(kind.quantized(float(call.arguments[1])))
        except ValueError:
            raise Refusal(call.where, f"a slope of {call.arguments[1][:40]}") from None
        self._activate(call, "leaky_relu", call.types[2], slope_shift(call.where, slope))

    def _activate(self, call: Call, activation: Activation, name: str, shift: int = 0) -> None:
        result = self._source.type(call.where, name)
        if self._product is None:
            self._chain.requantize(call.name, activation, shift, result)
        else:
            kept, self._product = self._product, None
            self._chain.add(kept.name, kept.weight, kept.bias, activation, shift, result)
        self._current, self._type = call.arguments[-1], result

    def _add(self, call: Call, product: _Product, exact: FixedType, result: FixedType) -> None:
        """Keep a product whose result drops nothing; else its result is the layer's words."""
        if _holds(result, exact):
            self._product = product
        else:
            self._chain.add(product.name, product.weight, product.bias, output=result)
        self._current, self._type = call.arguments[1], result

    def _flush(self) -> None:
        if self._product is not None:
            kept, self._product = self._product, None
            self._chain.add(kept.name, kept.weight, kept.bias, output=self._type)

    def _tensor(
        self, where: str, numbers: NDArray[np.float64], types: Mapping[str, str], name: str
    ) -> Tensor:
        """Return numbers as C++ makes them words: by the rounding and overflow of their type."""
        kind = self._source.type(where, types.get(name, "nothing"))
        return Tensor(kind.to_words(numbers), kind)

    def _sums(self, where: str, weight: Tensor, bias: Tensor) -> FixedType:
        try:
            return exact_accumulator(self._chain.arriving, weight, bias)
        except ValueError as error:
            raise Refusal(where, str(error)) from error

    def _check_shifts(self, where: str, kind: ExponentType, numbers: NDArray[np.float64]) -> None:
        """Refuse shifts whose result hls4ml's own type of it does not hold."""
        n = kind.width + int(self._type.width)
        powers = np.frexp(np.abs(numbers))[1] - 1
        limits = np.array([-(1 << (kind.width - 1)), (1 << (kind.width - 1)) - 1])
        if np.any((powers < limits[0]) | (powers > limits[1])):
            raise Refusal(where, f"exponents outside {limits[0]} to {limits[1]}")
        fraction, integer = int(self._type.fraction), int(self._type.integer)
        if fraction - powers.min() > n or integer + 1 + powers.max() > n:
            raise Refusal(
                where, f"its shifts need more than the {2 * n} bits that hls4ml gives them"
            )


def _holds(kind: FixedType, exact: FixedType) -> bool:
    """Return whether a type holds all numbers of another: it neither rounds nor overflows."""
    return bool(kind.fraction >= exact.fraction and kind.min <= exact.min and kind.max >= exact.max)


def _wraps_alike(accumulator: FixedType, result: FixedType, exact: FixedType) -> bool:
    """Return whether it makes no difference that sums wrap before they are rounded and wrap."""
    return bool(
        accumulator.overflow == result.overflow == "WRAP"
        and accumulator.fraction >= exact.fraction
        and accumulator.integer >= result.integer
    )


_READERS: dict[str, Callable[[_Reader, Call], None]] = {
    "dense": _Reader.dense,
    "normalize": _Reader.normalize,
    "relu": _Reader.relu,
    "leaky_relu": _Reader.leaky_relu,
    "linear": _Reader.linear,
}
