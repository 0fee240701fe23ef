"""Ours beside what others compress numbers with, on the same jets: bits, residuals, speed, memory.

Three tables for each input: at the residuals of floats with 5 bits of mantissa; at the settings
that each comes or is used with; and without loss. Every scheme gets the 24 float32 columns one by
one, in memory, and gives them back; ours writes and reads a whole file, events and checksums
included. Each runs in a process of its own. Speeds are jets in a second of one core's time, medians
of three; memory is what a process takes at most beside the jets.

Baler gets an environment of its own, in `.cache`. What ROOT's Real32Trunc and Real32Quant would
take is computed: uproot writes neither. BOA Constrictor is on no package index.

Usage: ``pip install 'aefpga[peers,baselines,speed]'``, then ``python benchmarks/peers.py
[INPUT...] [--plot FILE]``; without an input, the embedded sample. The plot is of the first table.
"""

import json
import lzma
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from storage import BOUND, far

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import parse_profile
from aefpga.codec.coders import decode, encode
from aefpga.data.reader import iterate_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.evaluation.quantizers import FloatTruncation
from aefpga.normalise import Normaliser
from aefpga.schema import JETS, Variable
from aefpga.workflow.arrays import compress_arrays
from aefpga.workflow.compress import Settings

VARIABLES = JETS.choose("24")
# Of what takes at most so many seconds; the first time, which compiles or imports, is left out.
REPEATS, AT_MOST = 3, 2.0
# Residuals (68 % of jets) of floats with 5 bits of mantissa: relative, of angles absolute.
TARGETS = {"momentum": 0.0073, "energy": 0.0073, "area": 0.0073, "angle": 0.0111}
# Jets that settings are chosen with.
SAMPLE = 20_000
BALER = ("baler-compressor==0.0.6", "torch", "numba", "scikit-learn", "scipy", "tqdm")
CACHE = Path(__file__).parents[1] / ".cache" / "baler"

Floats = NDArray[np.float32]
Column = NDArray[np.float32]
# What a kind of variable may be off, or how many bits are kept of it; counts are exact.
Setting = Mapping[str, float]
Pack = Callable[[bytes], bytes]


@dataclass(frozen=True)
class ByColumn:
    """A scheme that takes columns one by one."""

    write: Callable[[Column, Variable], Any]
    read: Callable[[Any, Variable, int], Column]

    def compress(self, jets: Records) -> list[Any]:
        """Return what each column became."""
        columns = zip(jets.values.T, jets.schema.variables, strict=True)
        return [self.write(np.ascontiguousarray(column), v) for column, v in columns]

    def decompress(self, stored: list[Any], jets: Records) -> Floats:
        """Return jets again; of the original ones, only how many there are is used."""
        back = np.empty(jets.values.shape, np.float32, order="F")
        for j, (data, v) in enumerate(zip(stored, jets.schema.variables, strict=True)):
            back[:, j] = self.read(data, v, len(jets))
        return back

    @staticmethod
    def sizes(stored: list[Any]) -> tuple[int, int | None]:
        """Return bytes of all, and without what is a sum of others."""
        of_columns = [len(stored[j]) for j, parts in VARIABLES.totals if not parts]
        return sum(map(len, stored)), sum(of_columns)


@dataclass(frozen=True)
class Words:
    """Floats with 5 bits of mantissa, two bytes each, of all columns in one stream."""

    coder: str
    truncation: ClassVar = FloatTruncation(5)

    def compress(self, jets: Records) -> bytes:
        """Return the stream."""
        words = self.truncation.to_words(jets.values)
        return encode(words, self.truncation.widths(len(VARIABLES)), self.coder)

    def decompress(self, stored: bytes, jets: Records) -> Floats:
        """Return jets again."""
        widths = self.truncation.widths(len(VARIABLES))
        return self.truncation.to_jets(decode(stored, widths, self.coder, len(jets)))

    @staticmethod
    def sizes(stored: bytes) -> tuple[int, int | None]:
        """Return bytes of all; of some columns they are not known."""
        return len(stored), None


@dataclass(frozen=True)
class Ours:
    """`aefpga compress --scalar`, from and to memory, by way of a file."""

    max_error: str
    level: str

    def compress(self, jets: Records) -> Path:
        """Return the file."""
        path = Path(tempfile.mkdtemp()) / "jets.aejets"
        settings = Settings(profile=parse_profile(self.max_error), level=self.level)
        compress_arrays(jets.values, jets.schema, path, settings, counts=jets.counts)
        return path

    @staticmethod
    def decompress(stored: Path, jets: Records) -> Floats:
        """Return jets again."""
        return np.concatenate([part.values for part in Archive(stored).iterate()])

    @staticmethod
    def sizes(stored: Path) -> tuple[int, int | None]:
        """Return bytes; sums take next to nothing."""
        return stored.stat().st_size, stored.stat().st_size


# ---- compressors of any bytes


def _lzma(data: bytes) -> bytes:
    return lzma.compress(data, preset=6)


def _zstd(level: int, data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_encode(data, level=level))


def _from_zstd(data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_decode(data))


LZMA = (_lzma, lzma.decompress)
ZSTD = (partial(_zstd, 19), _from_zstd)
ROOTS = (partial(_zstd, 5), _from_zstd)


def _bytes(column: Column, variable: Variable) -> bytes:
    """Return float32, or, of counts, two bytes each."""
    return column.astype("<u2" if variable.kind.is_count else "<f4").tobytes()


def _from_bytes(data: bytes, variable: Variable) -> NDArray[Any]:
    return np.frombuffer(data, "<u2" if variable.kind.is_count else "<f4")


# ---- floats with fewer bits


def mantissas(coder: tuple[Pack, Pack], bits: Setting) -> ByColumn:
    """Return what keeps so many bits of mantissa, rounded to nearest; none said is all 23."""
    pack, unpack = coder

    def write(column: Column, v: Variable) -> bytes:
        if (kept := bits.get(v.kind.name)) is not None:
            truncation = FloatTruncation(int(kept))
            column = truncation.to_jets(truncation.to_words(column))
        return pack(_bytes(column, v))

    return ByColumn(write, lambda data, v, n: _from_bytes(unpack(data), v))


def blosc2_of(bits: Setting) -> ByColumn:
    """Return Blosc2 with its filter that cuts the mantissa, where so many bits are asked for."""
    import blosc2

    def write(column: Column, v: Variable) -> bytes:
        kept, counts = bits.get(v.kind.name), v.kind.is_count
        cut = [blosc2.Filter.TRUNC_PREC] * (kept is not None)
        return blosc2.compress2(
            column.astype("<u2" if counts else "<f4"),
            typesize=2 if counts else 4,
            codec=blosc2.Codec.ZSTD,
            clevel=9,
            filters=[*cut, blosc2.Filter.BITSHUFFLE],
            filters_meta=[*([int(kept)] if kept is not None else []), 0],
            nthreads=1,
        )

    def read(data: bytes, v: Variable, n: int) -> Column:
        return _from_bytes(blosc2.decompress2(data, nthreads=1), v)

    return ByColumn(write, read)


def roots_types(bits: Setting) -> ByColumn:
    """Return what RNTuple would store: Real32Quant of angles, Real32Trunc of others, Zstandard.

    Computed: the same bits, column by column, with the range of each angle beside.
    """
    pack, unpack = ROOTS

    def write(column: Column, v: Variable) -> bytes:
        kept = int(bits.get(v.kind.name, 0))
        if v.kind.is_count:
            return pack(_bytes(column, v))
        if v.kind.name != "angle":
            # Sign, exponent, and the first bits of the mantissa; what follows is cut off.
            return pack(_packed(column.view(np.uint32) >> np.uint32(23 - kept), 9 + kept))
        low, high = column.min(), column.max()
        steps = np.rint((column - low).astype(np.float64) * ((1 << kept) - 1) / (high - low))
        return np.float32([low, high]).tobytes() + pack(_packed(steps.astype(np.uint32), kept))

    def read(data: bytes, v: Variable, n: int) -> NDArray[Any]:
        kept = int(bits.get(v.kind.name, 0))
        if v.kind.is_count:
            return _from_bytes(unpack(data), v)
        if v.kind.name != "angle":
            words = _unpacked(unpack(data), 9 + kept, n) << np.uint32(23 - kept)
            return words.view(np.float32)
        low, high = np.frombuffer(data[:8], np.float32).astype(np.float64)
        steps = _unpacked(unpack(data[8:]), kept, n)
        return low + steps * ((high - low) / ((1 << kept) - 1))

    return ByColumn(write, read)


def _packed(words: NDArray[np.uint32], width: int) -> bytes:
    bits = np.unpackbits(words.astype(">u4").view(np.uint8).reshape(-1, 4), axis=1)
    return np.packbits(bits[:, 32 - width :]).tobytes()


def _unpacked(data: bytes, width: int, n: int) -> NDArray[np.uint32]:
    bits = np.zeros((n, 32), np.uint8)
    found = np.unpackbits(np.frombuffer(data, np.uint8), count=n * width)
    bits[:, 32 - width :] = found.reshape(n, width)
    return np.packbits(bits, axis=1).view(">u4").ravel().astype(np.uint32)


# ---- compressors with an error bound


def _sz3(algorithm: str, bound: float, column: Column) -> bytes:
    from pysz import sz, szAlgorithm, szConfig, szErrorBoundMode

    config = szConfig()
    config.cmprAlgo = getattr(szAlgorithm, algorithm)
    config.errorBoundMode = szErrorBoundMode.ABS
    config.absErrorBound = bound
    return sz.compress(column, config)[0]


def _sz3_of_range(share: float, column: Column) -> bytes:
    from pysz import sz, szConfig, szErrorBoundMode

    config = szConfig()
    config.errorBoundMode = szErrorBoundMode.REL
    config.relErrorBound = share
    return sz.compress(column, config)[0]


def _from_sz3(data: Any, n: int) -> Column:
    from pysz import sz

    return sz.decompress(data, np.float32, (n,))[0]


def _zfp(bound: float, column: Column) -> bytes:
    import zfpy

    return zfpy.compress_numpy(column, tolerance=bound)


def _from_zfp(data: bytes, n: int) -> Column:
    import zfpy

    return zfpy.decompress_numpy(data)


def error_bounded(
    write: Callable[[float, Column], Any],
    read: Callable[[Any, int], Column],
    normaliser: Normaliser,
    bounds: Setting,
) -> ByColumn:
    """Return a compressor with absolute bounds, of logarithms where errors are relative."""
    maps = dict(zip(VARIABLES.names, normaliser.maps_, strict=True))

    def compress(column: Column, v: Variable) -> Any:
        scaled = np.asarray(maps[v.name].forward(column.astype(np.float64)), np.float32)
        # Counts are rounded on the way back.
        return write(bounds.get(v.kind.name, 0.45), scaled)

    def decompress(data: Any, v: Variable, n: int) -> NDArray[Any]:
        return maps[v.name].backward(read(data, n).astype(np.float64))

    return ByColumn(compress, decompress)


def as_shipped(write: Callable[[Column], Any], read: Callable[[Any, int], Column]) -> ByColumn:
    """Return a compressor of columns as they are."""
    return ByColumn(lambda column, v: write(column), lambda data, v, n: read(data, n))


# ---- what is compared


def residuals(original: Floats, back: Floats, kind: str) -> float:
    """Return what 68 % of the values of all variables of a kind are off at most.

    Relative ones of values above the kind's threshold.
    """
    found = []
    for j, v in enumerate(VARIABLES.variables):
        if v.kind.name != kind:
            continue
        x = original[:, j].astype(np.float64)
        apart = np.abs(back[:, j] - x)
        if v.period:
            apart = np.minimum(apart, np.abs(v.period - apart))
        is_judged = (x > 0) & (x >= v.kind.threshold) if v.kind.is_relative else x == x
        found.append(apart[is_judged] / (x[is_judged] if v.kind.is_relative else 1))
    return float(np.quantile(np.concatenate(found), 0.68))


def tuned(make: Callable[[Setting], ByColumn], choices: Sequence[float], jets: Records) -> ByColumn:
    """Return a scheme with, for each kind, the first of the choices that reaches its target."""
    some = jets.between(0, int(np.searchsorted(np.cumsum(jets.counts), SAMPLE)))
    left, found = dict(TARGETS), dict[str, float]()
    for choice in choices:
        scheme = make(dict.fromkeys(TARGETS, choice))
        back = scheme.decompress(scheme.compress(some), some)
        for kind in [k for k, t in left.items() if residuals(some.values, back, k) < 1.03 * t]:
            found[kind] = choice
            del left[kind]
        if not left:
            return make(found)
    raise ValueError(f"no choice reaches {left}")


def schemes(jets: Records) -> dict[str, dict[str, Callable[[], ByColumn | Words | Ours]]]:
    """Return the schemes of each table."""
    normaliser = Normaliser("natural", VARIABLES).fit(jets.values[:SAMPLE])
    bits, five = range(2, 23), dict.fromkeys(TARGETS, 5)
    cms = {"momentum": 10, "energy": 10, "area": 10, "angle": 12}
    atlas = {"momentum": 7, "energy": 7, "area": 7, "angle": 15}

    def sz3(algorithm: str) -> ByColumn:
        make = partial(error_bounded, partial(_sz3, algorithm), _from_sz3, normaliser)
        return tuned(make, [0.02 / 2 ** (k / 20) for k in range(40)], jets)

    def zfp() -> ByColumn:
        # Its tolerances are powers of two.
        make = partial(error_bounded, _zfp, _from_zfp, normaliser)
        return tuned(make, [2**-k for k in range(1, 12)], jets)

    return {
        "at equal residuals": {
            f"ours, level best, {BOUND}": lambda: Ours(BOUND, "best"),
            f"ours, level fast, {BOUND}": lambda: Ours(BOUND, "fast"),
            "5 bits of mantissa in two bytes, LZMA of all": lambda: Words("LZMA"),
            "5 bits of mantissa in two bytes, zstd 19 of all": lambda: Words("zstd"),
            "5 bits of mantissa in float32, LZMA": lambda: mantissas(LZMA, five),
            "SZ3 of logarithms": partial(sz3, "INTERP_LORENZO"),
            "SZ3 of logarithms, no prediction": partial(sz3, "NOPRED"),
            "zfp of logarithms": zfp,
            "Blosc2, cut, zstd 9": lambda: tuned(blosc2_of, bits, jets),
            "ROOT Real32Trunc and Quant, zstd 5 (computed)": lambda: tuned(roots_types, bits, jets),
        },
        "as shipped or used": {
            "ours, level best, 1%": lambda: Ours("1%", "best"),
            "ours, level fast, 1%": lambda: Ours("1%", "fast"),
            "NanoAOD v15: 10 and 12 bits, LZMA": lambda: mantissas(LZMA, cms),
            "NanoAOD v15: 10 and 12 bits, zstd 19": lambda: mantissas(ZSTD, cms),
            "ATLAS: 7 and 15 bits, LZMA": lambda: mantissas(LZMA, atlas),
            "ATLAS: 7 and 15 bits, zstd 19": lambda: mantissas(ZSTD, atlas),
            "SZ3, 1e-3 of each range": lambda: as_shipped(partial(_sz3_of_range, 1e-3), _from_sz3),
            "zfp, tolerance 1e-3": lambda: as_shipped(partial(_zfp, 1e-3), _from_zfp),
        },
        "without loss": {
            "LZMA": lambda: mantissas(LZMA, {}),
            "zstd 19": lambda: mantissas(ZSTD, {}),
            "Blosc2, bits shuffled, zstd 9": lambda: blosc2_of({}),
            "zfp, reversible": lambda: as_shipped(partial(_zfp, -1), _from_zfp),
        },
    }


# ---- measuring


@dataclass(frozen=True)
class Measured:
    """A scheme's line; residuals by kind."""

    scheme: str
    bits: float
    without_sums: float | None
    residuals: Mapping[str, float]
    exact: float
    far: float
    compress: float
    decompress: float
    megabytes: float

    @classmethod
    def of(
        cls,
        scheme: str,
        jets: Records,
        back: Floats,
        sizes: tuple[int, int | None],
        seconds: Sequence[float],
        kb: int,
    ) -> "Measured":
        """Judge what came back."""
        original, n = jets.values, len(jets)
        counts = [j for j, v in enumerate(VARIABLES.variables) if v.kind.is_count]
        exact = (np.rint(back[:, counts]) == original[:, counts]).mean(axis=0).min()
        found = {kind: residuals(original, back, kind) for kind in TARGETS}
        share = float(far(original, np.where(np.isfinite(back), back, 0)).mean())
        bits, without = (None if size is None else 8 * size / n for size in sizes)
        assert bits is not None, "of all columns it is known"
        speeds = [n / s for s in seconds]
        return cls(scheme, bits, without, found, float(exact), share, *speeds, kb / 1e3)

    def row(self) -> str:
        """Return the line of a table."""
        shown = [f"{x:.4f}" if k == "angle" else f"{x:.2%}" for k, x in self.residuals.items()]
        speeds = f"{self.compress:,.0f} | {self.decompress:,.0f} | {self.megabytes:,.0f}"
        without = "–" if self.without_sums is None else f"{self.without_sums:.1f}"
        return (
            f"| {self.scheme} | {self.bits:.1f} | {without} | {' | '.join(shown)} | "
            f"{self.exact:.2%} | {self.far:.2%} | {speeds} |"
        )


def measure(table: str, name: str, path: Path) -> Measured:
    """Run a scheme; in a process of its own, whose memory it is."""
    jets = loaded(path)
    scheme: Any = schemes(jets)[table][name]()
    seconds = []
    before = _memory("VmRSS")
    # Begins to look for the peak anew.
    Path("/proc/self/clear_refs").write_text("5")
    while len(seconds) <= REPEATS and (not seconds or sum(seconds[0]) < AT_MOST):
        start = time.process_time()
        stored = scheme.compress(jets)
        middle = time.process_time()
        back = scheme.decompress(stored, jets)
        seconds.append((middle - start, time.process_time() - middle))
    memory = _memory("VmHWM") - before
    medians = list(map(median, zip(*(seconds[1:] or seconds), strict=True)))
    return Measured.of(name, jets, back, scheme.sizes(stored), medians, memory)


def _memory(field: str) -> int:
    """Return a figure of this process's memory, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(field))
    return int(found.split()[1])


def baler(jets: Records, folder: Path) -> Measured:
    """Train and use Baler with its settings for CMS jets; the model counts."""
    python, ready = CACHE / "bin" / "python", CACHE / ".ready"
    if not ready.exists():
        print("installing Baler, with PyTorch, in .cache/baler", file=sys.stderr, flush=True)
        venv.create(CACHE, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *BALER], check=True)
        ready.touch()
    source = folder / "baler.npz"
    np.savez(source, data=jets.values.astype(np.float64), names=np.array(jets.names))
    script = Path(__file__).with_name("peers_baler.py")
    done = subprocess.run(
        [python, script, source, folder], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    back, size = np.load(folder / "back.npy"), found["bytes"] + found["model_bytes"]
    seconds = found["training_seconds"] + found["compressing_seconds"]
    label = f"Baler 0.0.6, its CMS settings ({found['training_seconds']:.0f} s of training)"
    both = [seconds, found["decompressing_seconds"]]
    return Measured.of(label, jets, back, (size, None), both, found["kilobytes"])


def loaded(path: Path) -> Records:
    """Return the jets of an archive that `main` made."""
    with np.load(path) as saved:
        return Records(VARIABLES, np.asfortranarray(saved["values"]), saved["counts"])


def main() -> None:
    """Print three tables for each input."""
    arguments = sys.argv[1:]
    plot = None
    if "--plot" in arguments:
        at = arguments.index("--plot")
        plot = Path(arguments[at + 1])
        del arguments[at : at + 2]
    sources = arguments or [str(sample_path())]
    for source in sources:
        jets = Records.concatenate(list(iterate_records([source], VARIABLES)))
        print(f"\n**{Path(source).name}: {len(jets):,} jets in {len(jets.counts):,} events**")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "jets.npz"
            np.savez(path, values=jets.values, counts=jets.counts)
            for table, names in schemes(jets).items():
                print(
                    f"\n| {table} | bits per jet | without sums |", " | ".join(TARGETS), end=" | "
                )
                print("least exact multiplicity | jets off by > 3 × |", end=" ")
                print("compress, jets/s | decompress, jets/s | memory, MB |")
                print("|" + " --- |" * 12)
                found = []
                for name in names:
                    context = get_context("spawn")
                    with ProcessPoolExecutor(1, mp_context=context) as pool:
                        found.append(pool.submit(measure, table, name, path).result())
                    print(found[-1].row(), flush=True)
                if table == "as shipped or used":
                    try:
                        found.append(baler(jets, Path(scratch)))
                        print(found[-1].row(), flush=True)
                    except subprocess.CalledProcessError as error:
                        said = (error.stderr or "").strip().splitlines()[-1:]
                        print("no line of Baler:", error, *said, file=sys.stderr)
                if plot:
                    # Of the first table of the first input.
                    draw(found, plot)
                    plot = None


def draw(found: Sequence[Measured], path: Path) -> None:
    """Draw bits per jet and speeds of a table's schemes, the smallest first."""
    import matplotlib.pyplot as plt

    found = sorted(found, key=lambda x: x.bits, reverse=True)
    labels = [x.scheme for x in found]
    colours = ["C1" if x.scheme.startswith("ours") else "C0" for x in found]
    figure, (sizes, speeds) = plt.subplots(
        1, 2, figsize=(10, 4), sharey=True, layout="constrained", width_ratios=(3, 2)
    )
    sizes.barh(labels, [x.bits for x in found], color=colours, alpha=0.4)
    sizes.barh(labels, [x.without_sums or 0 for x in found], color=colours)
    for row, x in enumerate(found):
        sizes.annotate(
            f"{x.bits:.1f}", (x.bits, row), (3, 0), textcoords="offset points", va="center"
        )
    sizes.set(xlabel="bits per jet (pale: with the five sums, or all)")
    # Room for the last figure.
    sizes.set_xlim(0, 1.16 * max(x.bits for x in found))
    speeds.scatter([x.compress for x in found], labels, marker="<", label="compress")
    speeds.scatter([x.decompress for x in found], labels, marker=">", label="decompress")
    speeds.set(xscale="log", xlabel="jets in a second of one core's time")
    speeds.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
