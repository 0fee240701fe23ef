"""Compiled code writes and reads the same bytes as the NumPy code, which is the reference."""

import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.entropy import speed
from aefpga.entropy.conditional import Conditional, Uniform
from aefpga.entropy.gated import GatedHistograms
from aefpga.entropy.histograms import WordHistograms
from aefpga.entropy.learning import learn
from aefpga.entropy.rans import MAX_STEPS, Static, Stream, encode_intervals, frequencies_of
from aefpga.entropy.schemes import PlainScheme
from aefpga.errors import DataError
from aefpga.fixedpoint.types import FixedType
from aefpga.schema.relations import Gate

pytest.importorskip("numba", reason="compiled coding needs the extra `speed`")


@contextmanager
def compiled(is_on):
    """Use compiled code at once, or never."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "ENOUGH", 0 if is_on else 1 << 60)
        yield


def both(work):
    """What is returned with compiled code, and without."""
    found = []
    for is_on in (True, False):
        with compiled(is_on):
            found.append(work())
    return found


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 99), st.integers(0, 3000), st.integers(1, 256), st.integers(1, 4096))
def test_columns_of_every_kind(seed, n, lanes, most):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 1000, most) * (rng.random(most) < 0.5)
    weights[0] += 1
    table = Static(frequencies_of(weights))
    symbols = rng.choice(most, n, p=weights / weights.sum())
    # Rare symbols, too: what has a slot may come.
    symbols[: n // 2] = rng.choice(np.flatnonzero(weights), n // 2)
    uniform = Uniform(rng.integers(1, most + 1, n))
    places = rng.integers(0, uniform._widths)
    columns = [(table, symbols), uniform.intervals(places), (table, symbols[::-1])]
    fast, slow = both(lambda: encode_intervals(columns, lanes))
    assert fast == slow

    def decoded():
        stream = Stream(fast, lanes)
        found = [stream.take(n, x) for x in (table, uniform, table)]
        stream.close()
        return found

    for found in both(decoded):
        for before, after in zip((symbols, places, symbols[::-1]), found, strict=True):
            np.testing.assert_array_equal(before, after)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.integers(0, 500), st.sampled_from([1, 5, 9000, MAX_STEPS]))
def test_tables_with_gates(seed, n, most):
    rng = np.random.default_rng(seed)
    table = rng.integers(-most, most + 1, (n, 4)) * (rng.random((n, 4)) < 0.7)
    table[:, 1] *= table[:, 0] != 0
    table[:, 2] = np.minimum(np.abs(table[:, 2]), np.abs(table[:, 1])) * (table[:, 1] != 0)
    gates = [None, Gate(0), Gate(1, is_descending=True), Gate(2)]
    coder, counts = GatedHistograms(gates, [(0,), (1, 2), (3,)]), np.array([n])
    fast, slow = both(lambda: coder.encode(table, counts))
    assert fast == slow
    for found in both(lambda: coder.decode(fast, counts)):
        np.testing.assert_array_equal(found, table)


@pytest.mark.parametrize(
    "broken",
    [(2, 1, 5), (2, 2, MAX_STEPS), (0, 0, MAX_STEPS + 1), (1, 1, -MAX_STEPS - 1), (3, 0, -1 << 63)],
)
def test_tables_that_break_their_rules(broken):
    row, column, number = broken
    table = np.array([[0, 0, 0], [9, 7, 3], [0, 0, 0], [5, 0, 0]])
    table[row, column] = number
    gates = [None, Gate(0), Gate(1, is_descending=True)]
    coder, counts = GatedHistograms(gates, [(0,), (1,), (2,)]), np.array([4])

    def encoded():
        try:
            return coder.encode(table, counts)
        except ValueError as error:
            return str(error)

    fast, slow = both(encoded)
    assert fast == slow


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.integers(0, 500), st.sampled_from([4, 12, 14, 20]))
def test_latent_words(seed, n, width):
    spec = SimpleNamespace(sent_type=FixedType(True, [width, 5], width))
    words = np.random.default_rng(seed).integers(-16, 16, (n, 2)) << np.array([width - 5, 0])
    coder, counts = WordHistograms(spec), np.array([n])
    fast, slow = both(lambda: coder.encode(words, counts))
    assert fast == slow
    for found in both(lambda: coder.decode(fast, counts)):
        np.testing.assert_array_equal(found, words)


@pytest.fixture(scope="module")
def learned():
    """A coder of columns that depend on each other, and a table."""
    rng = np.random.default_rng(4)
    first = rng.integers(-400, 400, 9000)
    table = np.stack([first, first // 7 + rng.integers(-3, 4, 9000), first**2 % 50], axis=1)
    scheme = PlainScheme(3)
    models = learn(scheme, [(table, np.array([9000]))], batches=60)
    return Conditional(scheme, models), table


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 99), st.integers(1, 9000), st.sampled_from([0, 3, 2**22]))
def test_tables_coded_by_learned_models(learned, seed, n, reach):
    coder, table = learned
    rng = np.random.default_rng(seed)
    table = table[:n] + rng.integers(-reach, reach + 1, (n, 3))
    counts = np.array([n])
    fast, slow = both(lambda: coder.encode(table, counts))
    assert fast == slow
    for found in both(lambda: coder.decode(fast, counts)):
        np.testing.assert_array_equal(found, table)


@pytest.mark.parametrize("cut", [1, 2, 700])
def test_shortened_streams_are_errors(learned, cut):
    coder, table = learned
    histograms = GatedHistograms([None] * 3, [(0,), (1,), (2,)])
    counts = np.array([len(table)])
    with compiled(True):
        for one in (coder, histograms):
            data = one.encode(table, counts)
            with pytest.raises(DataError, match="damaged"):
                one.decode(data[:-cut], counts)


@pytest.mark.parametrize("name", ["numba", "aefpga.entropy.compiled"])
def test_without_numba_numpy_codes(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    for module in {"aefpga.entropy.compiled"} - {name}:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.delattr("aefpga.entropy.compiled", raising=False)
    speed._functions.cache_clear()
    with compiled(True):
        assert speed.compiled(1) is None
        assert len(encode_intervals([(Static(np.array([1, 16383])), np.array([0, 1, 1]))], 1)) > 0
    speed._functions.cache_clear()


def test_little_work_does_not_wait_for_numba():
    code = (
        "import sys, numpy as np; from aefpga.entropy.rans import decode_steps, encode_steps;"
        "import aefpga.codec.archive, aefpga.workflow.compress;"
        "decode_steps(encode_steps(np.arange(9000).reshape(-1, 3)), 3000, 3);"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
