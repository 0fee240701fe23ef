"""Scores and trigger bits against arithmetic with Python's own fractions."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.errors import RunError
from aefpga.fixedpoint import Emulator, EncoderSpec, FixedType, Score, Trigger
from aefpga.fixedpoint.example import adversarial_words, random_spec

KINDS = ("absolutes", "squares", "largest")


def rounded(term: Fraction, kind: FixedType) -> int:
    """Return the word of a number of at least 0 in a type without a sign."""
    scaled = term * Fraction(2) ** int(kind.fraction)
    words = {
        "TRN": scaled.__floor__(),
        "RND": (scaled + Fraction(1, 2)).__floor__(),
        "RND_CONV": round(scaled),
    }
    return overflowed(words[kind.rounding], kind)


def overflowed(word: int, kind: FixedType) -> int:
    most = int(kind.max_word)
    return min(word, most) if kind.overflow == "SAT" else word % (most + 1)


def expected(score: Score, latent: list[int], latent_type: FixedType) -> int:
    terms = []
    for i in score.counted:
        value = abs(latent[i] * Fraction(2) ** -int(latent_type.fraction[i]))
        terms.append(rounded(value**2 if score.kind == "squares" else value, score.type))
    return max(terms) if score.kind == "largest" else overflowed(sum(terms), score.type)


@st.composite
def latent_types(draw):
    n = draw(st.integers(1, 5))
    columns = [
        draw(st.lists(elements, min_size=n, max_size=n))
        for elements in (st.booleans(), st.integers(1, 14), st.integers(-4, 8))
    ]
    return FixedType(*columns)


@st.composite
def scored(draw):
    """Return a score of any type, the type of latent words, and some of them, extremes first."""
    latent_type = draw(latent_types())
    n = latent_type.width.size
    counted = draw(st.sets(st.integers(0, n - 1), min_size=1))
    score = Score.exact(draw(st.sampled_from(KINDS)), latent_type, sorted(counted))
    if draw(st.booleans()):
        width = draw(st.integers(1, 20))
        fraction = int(score.type.fraction) - draw(st.integers(0, 6))
        modes = (
            draw(st.sampled_from(("TRN", "RND", "RND_CONV"))),
            draw(st.sampled_from(("SAT", "WRAP"))),
        )
        score = replace(score, type=FixedType(False, width, width - fraction, *modes))
    low, high = latent_type.min_word.tolist(), latent_type.max_word.tolist()
    any_words = st.tuples(*(st.integers(a, b) for a, b in zip(low, high, strict=True)))
    return score, latent_type, [low, high, *draw(st.lists(any_words, max_size=5))]


@settings(deadline=None, max_examples=300)
@given(scored())
def test_a_score_is_that_of_exact_arithmetic(case):
    score, latent_type, latent = case
    score.check(latent_type)
    found = score(np.array(latent), latent_type)
    assert found.tolist() == [expected(score, list(row), latent_type) for row in latent]
    assert score.type.holds(found)


@settings(deadline=None, max_examples=100)
@given(latent_types(), st.sampled_from(KINDS))
def test_the_exact_type_loses_nothing_and_has_no_bit_to_spare(latent_type, kind):
    score = Score.exact(kind, latent_type)
    most = np.where(-latent_type.min > latent_type.max, latent_type.min_word, latent_type.max_word)
    largest = int(score(most[None], latent_type)[0])
    power = 2 if kind == "squares" else 1
    sizes = [Fraction(v) ** power for v in np.abs(latent_type.to_values(most)).tolist()]
    value = largest * Fraction(2) ** -int(score.type.fraction)
    assert value == (max(sizes) if kind == "largest" else sum(sizes))
    assert largest.bit_length() == score.type.width


def with_trigger(kind="squares", threshold=7):
    spec = random_spec((5, 4, 3), 6, per_neuron=True)
    score = Score.exact(kind, spec.latent_type, (0, 2))
    return replace(spec, trigger=Trigger(score, threshold))


@pytest.mark.parametrize("kind", KINDS)
def test_words_score_and_bit_come_out(kind):
    spec = with_trigger(kind)
    words = adversarial_words(spec, 200)
    found = Emulator(spec).outputs(words)
    latent, scores, bits = (found[:, columns] for columns in spec.outputs.values())
    assert np.array_equal(latent, Emulator(spec)(words))
    assert scores[:, 0].tolist() == [
        expected(spec.trigger.score, row, spec.latent_type) for row in latent.tolist()
    ]
    assert np.array_equal(bits, scores >= 7)
    assert spec.output_type.holds(found)


def test_a_trigger_is_kept_in_the_file_and_in_the_hash(tmp_path):
    spec = with_trigger()
    spec.save(tmp_path)
    assert EncoderSpec.load(tmp_path).trigger == spec.trigger
    without = replace(spec, trigger=None)
    others = [without, with_trigger("largest"), with_trigger(threshold=8)]
    assert len({spec.hash, *(other.hash for other in others)}) == 4
    assert {x.latent_hash for x in (spec, *others)} == {without.hash}


def test_an_encoder_without_a_trigger_has_the_hash_that_it_had():
    # Of schema 3.
    assert random_spec((5, 4, 3), 6).hash == (
        "d0cf8239a3b8a0035e4b3f84251762551bf5f6af69b0e583b91055137e414d99"
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"threshold": 0}, "a threshold of 0"),
        ({"threshold": 1 << 40}, "expected an integer from 1"),
        ({"threshold": 7.0}, "a threshold of 7.0"),
        ({"threshold": True}, "a threshold of True"),
        ({"score": {"kind": "cubes"}}, "unknown score 'cubes'"),
        ({"score": {"counted": []}}, "expected integers"),
        ({"score": {"counted": [0, 0]}}, "ascending order"),
        ({"score": {"counted": [2, 0]}}, "ascending order"),
        ({"score": {"counted": [-1, 0]}}, "ascending order"),
        ({"score": {"counted": [0, 3]}}, "there are 0 to 2"),
        ({"score": {"type": {"signed": True}}}, "one type without a sign"),
        ({"score": {"type": {"width": [8, 8]}}}, "one type without a sign"),
        ({"score": {"type": {"integer": -40}}}, "finer than its terms"),
    ],
)
def test_a_trigger_that_is_none_is_a_clear_error(tmp_path, change, found):
    with_trigger().save(tmp_path)
    path = tmp_path / "encoder.json"
    content = json.loads(path.read_text())
    merge(content["trigger"], change)
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match=found):
        EncoderSpec.load(tmp_path)


def merge(content, change):
    for name, value in change.items():
        if isinstance(value, dict):
            merge(content[name], value)
        else:
            content[name] = value


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_that_needs_too_many_bits_is_refused(kind):
    with pytest.raises(ValueError, match="53 bits"):
        Score.exact(kind, FixedType(True, [30, 30], [60, 0]))
