"""The sources of an hls4ml project, read as text: types, configurations, calls and weights.

Nothing is compiled or executed. What is not of the form that hls4ml writes is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.layers import MAX_WEIGHTS
from aefpga.importing.refusal import Refusal
from aefpga.importing.spelling import read_type

# Bytes of a source, and of the text of an array of weights.
MAX_SOURCE, MAX_ARRAY = 1 << 22, 64 * MAX_WEIGHTS
# A number of an array: far beyond all that networks have, and exact in what follows.
LARGEST = 2.0**30
_STRUCT = re.compile(r"struct (\w+) : nnet::(\w+) \{(.*?)\n\};", re.DOTALL)
_CONSTANT = re.compile(r"static const \w+ (\w+) = ([^;]+);")
_TYPEDEF = re.compile(r"typedef ([^;{}]+?) (\w+);")
_EXPONENT = re.compile(r"typedef struct (\w+) \{ap_uint<1> sign; ?ap_int<(\d+)> weight; ?\} \w+;")
_CALL = re.compile(r"nnet::(\w+)<([^()]*)>\(([^()]*)\)")
_DECLARATION = re.compile(r"(?:static )?[\w:<>, ]+ \w+\[[^\]]*\]")
_ALIAS = re.compile(r"auto ?& ?(\w+) = (\w+)")
_PORT = re.compile(r"(\w+) (\w+)\[([^\]]+)\]")


@dataclass(frozen=True)
class Call:
    """A call of one of hls4ml's functions: its types and configuration, and its arguments."""

    function: str
    types: tuple[str, ...]
    arguments: tuple[str, ...]
    name: str

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"layer {self.name} (nnet::{self.function})"


@dataclass(frozen=True)
class Port:
    """An input or output of the top function."""

    type: str
    name: str
    size: int


@dataclass(frozen=True)
class Configuration:
    """What a layer's struct says: constants as text, types by name, and its product and kernel."""

    constants: Mapping[str, str]
    types: Mapping[str, str]
    product: str
    kernel: str

    def number(self, where: str, name: str) -> int:
        """Return a constant that is a whole number."""
        try:
            return int(self.constants[name])
        except (KeyError, ValueError):
            found = self.constants.get(name, "nothing")[:40]
            raise Refusal(where, f"{name} is {found}; expected a number") from None


@dataclass(frozen=True)
class ExponentType:
    """Powers of two with a sign; the exponent has so many bits."""

    width: int


class Source:
    """An hls4ml project.

    Parameters
    ----------
    folder : Path
        The project, with `firmware` in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "firmware"
        # What was read.
        self.files: list[Path] = []
        defines = self._text("defines.h")
        parameters = self._text("parameters.h")
        self._macros = dict(re.findall(r"#define (\w+) (\d+)", defines))
        self._types = {name: text for text, name in _TYPEDEF.findall(defines)}
        self._exponents = {name: int(width) for name, width in _EXPONENT.findall(defines)}
        self._structs = {name: body for name, _, body in _STRUCT.findall(parameters)}
        texts = {p.name: self._text(p.name) for p in sorted(self.folder.glob("*.cpp"))}
        tops = [name for name, text in texts.items() if "insert layers" in text]
        if len(tops) != 1:
            raise DataError(
                f"{self.folder} has {len(tops)} files with layers as hls4ml writes them; expected "
                "one, of an io_parallel project of its Vivado or Vitis backend"
            )
        self.input, self.output, body = self._top(tops[0], texts[tops[0]])
        self.calls = tuple(self._calls(body))

    def type(self, where: str, name: str) -> FixedType:
        """Return a type by its name, or as it is spelled."""
        try:
            return read_type(self._types.get(name, name))
        except ValueError as error:
            raise Refusal(where, f"{name}: {error}") from error

    def scale_type(self, where: str, name: str) -> FixedType | ExponentType:
        """Return the type of factors, which may be powers of two."""
        if name in self._exponents:
            return ExponentType(self._exponents[name])
        return self.type(where, name)

    def configuration(self, where: str, name: str) -> Configuration:
        """Return the configuration of a layer."""
        if name not in self._structs:
            raise Refusal(where, f"parameters.h has no struct {name[:60]}")
        body = self._structs[name]
        product = re.search(r"using product = nnet::product::(\w+)<", body)
        kernel = re.search(r"using kernel = nnet::(\w+)<", body)
        return Configuration(
            constants={n: text.strip() for n, text in _CONSTANT.findall(body)},
            types={n: text.strip() for text, n in _TYPEDEF.findall(body)},
            product=product.group(1) if product else "mult",
            kernel=kernel.group(1) if kernel else "",
        )

    def numbers(self, where: str, name: str, size: int) -> NDArray[np.float64]:
        """Return the numbers of an array of weights, as they are written.

        Powers of two with their signs are numbers, too.

        Raises
        ------
        Refusal
            If there are not `size`, or C simulation and synthesis have others.
        """
        if not re.fullmatch(r"\w+", name):
            raise Refusal(where, f"{name[:60]!r} is no array")
        header = self._text(f"weights/{name}.h", MAX_ARRAY)
        found = re.search(r"= \{(.*)\};", header, re.DOTALL)
        written = self.folder / "weights" / f"{name}.txt"
        text = self._text(f"weights/{name}.txt", MAX_ARRAY) if written.exists() else ""
        if found is None or (text and text.strip() != found.group(1).strip()):
            raise Refusal(where, f"weights/{name}.h has no numbers, or others than {name}.txt")
        body = found.group(1)
        try:
            if "{" in body:
                pairs = re.findall(r"\{([^{},]+),([^{},]+)\}", body)
                values = [(2 * float(sign) - 1) * 2.0 ** float(power) for sign, power in pairs]
            else:
                values = [float(x) for x in body.split(",")]
        except (ValueError, OverflowError):
            raise Refusal(where, f"weights/{name}.h holds what are no numbers") from None
        if len(values) != size or not np.all(np.abs(values) < LARGEST):
            raise Refusal(
                where, f"{name} has {len(values):,} numbers; expected {size:,}, none too large"
            )
        return np.array(values)

    def _text(self, name: str, most: int = MAX_SOURCE) -> str:
        path = self.folder / name
        try:
            if path.stat().st_size > most:
                raise DataError(f"{path} has more than {most:,} bytes: it is none of hls4ml's")
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path} cannot be read ({error}); expected a project that hls4ml wrote"
            ) from error
        self.files.append(path)
        return text

    def _top(self, name: str, text: str) -> tuple[Port, Port, str]:
        """Return input and output of the top function, and what it does."""
        head = re.search(r"void (\w+)\((.*?)\) \{", text, re.DOTALL)
        if head is None:
            raise DataError(f"{self.folder / name} has no top function")
        if "hls::stream" in head.group(2):
            raise Refusal("the project", "it streams its words (io_stream); write io_parallel")
        ports = [Port(kind, name, self._size(n)) for kind, name, n in _PORT.findall(head.group(2))]
        if len(ports) != 2:
            raise Refusal(
                "the project", f"{len(ports)} inputs and outputs; one of each is possible"
            )
        return ports[0], ports[1], text[head.end() :].partition("insert layers")[2]

    def _size(self, text: str) -> int:
        parts = [self._macros.get(part.strip(), part.strip()) for part in text.split("*")]
        if not all(part.isdecimal() and len(part) < 9 for part in parts):
            raise Refusal("the project", f"a port of {text[:60]} words")
        return prod(map(int, parts))

    def _calls(self, body: str) -> Iterator[Call]:
        same: dict[str, str] = {}
        for statement, comment in _statements(body):
            alias, call = _ALIAS.fullmatch(statement), _CALL.fullmatch(statement)
            if alias:
                same[alias.group(1)] = same.get(alias.group(2), alias.group(2))
            elif call:
                function, types, arguments = call.groups()
                given = tuple(same.get(a, a) for a in _listed(arguments))
                yield Call(function, tuple(_listed(types)), given, comment or given[-1])
            elif not _DECLARATION.fullmatch(statement):
                raise Refusal("the project", f"{statement[:100]!r} is nothing that is known here")


def _statements(body: str) -> Iterator[tuple[str, str]]:
    """Yield the statements of the rest of a function, and the comment behind each."""
    for line in body.splitlines()[1:]:
        code, _, comment = line.strip().partition("//")
        if code.startswith("#pragma") or not code.strip():
            continue
        if code.strip() == "}":
            return
        for statement in code.split(";"):
            if statement.strip():
                yield statement.strip(), comment.strip()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
