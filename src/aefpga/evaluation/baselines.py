"""Float truncation: the classical scheme that an autoencoder must beat at equal bits per jet.

Each float32 keeps its sign, its exponent and the first bits of its mantissa, rounded to nearest, so
that every value of every jet comes back within a known relative error. This is the "float
truncation" of trigger-level jets (E. Wallin, "Tests of Autoencoder Compression of Trigger Jets in
the ATLAS Experiment", Lund 2020) and the "bit rounding" of numcodecs. All columns are sent as they
are, also redundant or constant ones: the autoencoder gets the same ones.
"""

import lzma
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError

MANTISSA_BITS = 23  # of float32, IEEE 754
SIGN_AND_EXPONENT_BITS = 9
# Presets above 6 differ by larger dictionaries only: not a bit less per jet here, twice the time.
LZMA_PRESET = 6

Floats = NDArray[np.float32]
Words = NDArray[np.uint32]


def round_mantissa(x: Floats, mantissa_bits: int) -> Words:
    """Return sign, exponent and rounded mantissa of each number as one integer.

    Parameters
    ----------
    x : ndarray of float32
        Finite numbers.
    mantissa_bits : int
        How many to keep, 0 to 23. The relative error of normal numbers is at most
        ``2**-(mantissa_bits + 1)``; halves go away from zero.

    Returns
    -------
    ndarray of uint32
        Below ``2**(9 + mantissa_bits)``, in the shape of `x`.
    """
    dropped = MANTISSA_BITS - mantissa_bits
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    half = np.uint32((1 << dropped) >> 1)
    rounded, truncated = (bits + half) >> dropped, bits >> dropped
    infinity = np.uint32(0xFF << mantissa_bits)
    # The largest numbers would round up to infinity.
    return np.where((rounded & infinity) == infinity, truncated, rounded).astype(np.uint32)


def restore_mantissa(words: Words, mantissa_bits: int) -> Floats:
    """Return the numbers, float32, that `round_mantissa` made words of."""
    dropped = np.uint32(MANTISSA_BITS - mantissa_bits)
    return (words << dropped).astype(np.uint32).view(np.float32)


@dataclass(frozen=True)
class _Truncation:
    """What both truncations share: their two parameters."""

    mantissa_bits: int
    n_variables: int

    id: ClassVar[str]

    def __post_init__(self) -> None:
        if not 0 <= self.mantissa_bits <= MANTISSA_BITS or self.n_variables < 1:
            raise ValueError(f"mantissa_bits must be 0 to 23 and n_variables positive: {self}")

    @property
    def bits_per_value(self) -> int:
        """Bits kept of each float."""
        return SIGN_AND_EXPONENT_BITS + self.mantissa_bits

    def get_config(self) -> dict[str, Any]:
        """Return the parameters as plain JSON content."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build a codec from the content that `get_config` returns."""
        return cls(config["mantissa_bits"], config["n_variables"])


class FloatTruncation(_Truncation):
    """Float truncation at a fixed rate, as a trigger link needs: bits packed without gaps.

    Examples
    --------
    >>> codec = FloatTruncation(mantissa_bits=3, n_variables=2)
    >>> data = codec.encode(np.array([[101.0, -0.7]], np.float32))
    >>> len(data), codec.decode(data)
    (3, array([[104.  ,  -0.6875]], dtype=float32))
    """

    id: ClassVar[str] = "float-truncation"

    @property
    def name(self) -> str:
        """For tables and legends."""
        return f"float truncation, {self.mantissa_bits} mantissa bits"

    def encode(self, x: Floats) -> bytes:
        """Return jets, shape (n_jets, n_variables), as bytes: (9 + mantissa_bits) a number."""
        words = round_mantissa(x, self.mantissa_bits)
        octets = words.astype(">u4").view(np.uint8).reshape(-1, 4)
        kept = np.unpackbits(octets, axis=1)[:, 32 - self.bits_per_value :]
        return np.packbits(kept).tobytes()

    def decode(self, data: bytes) -> Floats:
        """Return the jets that `encode` packed.

        Raises
        ------
        DataError
            If `data` is not a whole number of jets.
        """
        per_jet = self.bits_per_value * self.n_variables
        n_jets = 8 * len(data) // per_jet
        if len(data) != -(-n_jets * per_jet // 8):
            raise DataError(f"{len(data)} bytes are no whole number of jets of {per_jet} bits")
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_jets * per_jet)
        padded = np.zeros((n_jets * self.n_variables, 32), np.uint8)
        padded[:, 32 - self.bits_per_value :] = bits.reshape(-1, self.bits_per_value)
        words = np.packbits(padded, axis=1).view(">u4").astype(np.uint32)
        return restore_mantissa(words.reshape(n_jets, self.n_variables), self.mantissa_bits)


class FloatTruncationLzma(_Truncation):
    """Float truncation and then LZMA, as for a file: the rate varies from jet to jet.

    The words of one variable after the other, each in as few whole bytes as hold it, go through one
    LZMA stream.
    """

    id: ClassVar[str] = "float-truncation-lzma"

    @property
    def name(self) -> str:
        """For tables and legends."""
        return f"float truncation, {self.mantissa_bits} mantissa bits, LZMA"

    @property
    def _bytes_per_value(self) -> int:
        return -(-self.bits_per_value // 8)

    def encode(self, x: Floats) -> bytes:
        """Return jets, shape (n_jets, n_variables), as compressed bytes."""
        columns = np.ascontiguousarray(round_mantissa(x, self.mantissa_bits).T, "<u4")
        octets = columns.reshape(-1, 1).view(np.uint8)[:, : self._bytes_per_value]
        return lzma.compress(octets.tobytes(), preset=LZMA_PRESET)

    def decode(self, data: bytes) -> Floats:
        """Return the jets that `encode` compressed.

        Raises
        ------
        DataError
            If `data` is damaged or of other parameters.
        """
        try:
            octets = np.frombuffer(lzma.decompress(data), np.uint8)
            octets = octets.reshape(self.n_variables, -1, self._bytes_per_value)
        except (lzma.LZMAError, ValueError) as error:
            raise DataError(f"{len(data)} bytes cannot be decoded by {self} ({error})") from error
        padded = np.zeros((*octets.shape[:2], 4), np.uint8)
        padded[:, :, : self._bytes_per_value] = octets
        words = padded.view("<u4")[:, :, 0].astype(np.uint32)
        return restore_mantissa(np.ascontiguousarray(words.T), self.mantissa_bits)


class Codec(Protocol):
    """What a baseline must offer to be measured."""

    @property
    def name(self) -> str:
        """For tables and legends."""
        ...

    def encode(self, x: Floats) -> bytes:
        """Return jets as bytes."""
        ...

    def decode(self, data: bytes) -> Floats:
        """Return the jets of these bytes."""
        ...

    def get_config(self) -> dict[str, Any]:
        """Return the parameters as plain JSON content."""
        ...


@dataclass(frozen=True)
class Baseline:
    """A codec's result on given jets: `reconstructed` was decoded from the bytes counted."""

    codec: Codec
    bits_per_jet: float
    reconstructed: Floats


def measure(codec: Codec, x: Floats) -> Baseline:
    """Encode jets, shape (n_jets, n_variables), count the bits, and decode them again."""
    if not len(x):
        raise DataError("no jets to measure a codec on; at least one is needed")
    data = codec.encode(x)
    return Baseline(codec, 8 * len(data) / len(x), codec.decode(data))


def nearest_truncation(
    x: Floats,
    bits_per_jet: float,
    codec: type[FloatTruncation] | type[FloatTruncationLzma] = FloatTruncationLzma,
    search_jets: int = 20_000,
) -> Baseline:
    """Return the float truncation whose measured bits per jet come nearest to a given figure.

    It cannot come below no mantissa bits at all: at a fixed rate, 9 bits a variable.

    Parameters
    ----------
    x : ndarray of float32, shape (n_jets, n_variables), physical units
        Jets to encode; the figures returned are those of all of them.
    bits_per_jet : float
        What to come near to.
    codec : type
        With entropy coding or at a fixed rate.
    search_jets : int
        Jets that the search for the number of mantissa bits looks at.
    """
    some = x[:search_jets]

    @cache
    def rate(mantissa_bits: int) -> float:
        return measure(codec(mantissa_bits, x.shape[1]), some).bits_per_jet

    low, high = 0, MANTISSA_BITS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if rate(middle) < bits_per_jet else (low, middle)
    nearest = min((low, high), key=lambda n: abs(rate(n) - bits_per_jet))
    return measure(codec(nearest, x.shape[1]), x)
