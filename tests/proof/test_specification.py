"""Forms and functions; the specification's words as forms, in numbers, are the emulator's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import random_spec
from aefpga.progress import silent
from aefpga.proof.forms import Atom, Form
from aefpga.proof.functions import Function, Functions, Timeout, Values
from aefpga.proof.specification import outputs, ports


def numbers(form, known):
    """Values of a form; `known` has those of the ports, and takes up those of all other atoms."""
    for atom in form.terms:
        if atom not in known:
            root = atom.origin.root
            known[atom] = Values(root, numbers(root, known)).of(atom.origin)
    return form.constant + sum(c * known[atom] for atom, c in form.terms.items())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    activation=st.sampled_from(["relu", "leaky_relu", "linear"]),
    rounding=st.sampled_from(["TRN", "RND", "RND_CONV"]),
    overflow=st.sampled_from(["SAT", "WRAP"]),
    per_neuron=st.booleans(),
    offset=st.booleans(),
)
def test_forms_have_the_emulators_values(seed, **options):
    spec = random_spec((5, 4, 3), 5, input_bits=6, companded=2, seed=seed, **options)
    arriving = spec.input.port
    counts = np.random.default_rng(seed).integers(
        arriving.min_word, arriving.max_word + 1, (200, 5)
    )
    quantities = ports(spec)
    forms = outputs(spec, quantities, Functions(60), silent)
    known = {next(iter(q.terms)): column for q, column in zip(quantities, counts.T, strict=True)}
    expected = Emulator(spec)(spec.input.of_counts(counts))
    for form, column in zip(forms, expected.T, strict=True):
        np.testing.assert_array_equal(np.broadcast_to(numbers(form, known), 200), column)
        assert form.low <= column.min()
        assert column.max() <= form.high


def test_forms_that_are_functions_of_each_other_have_one_root():
    a, b = Atom("a", 0, 7), Atom("b", -4, 3)
    form = Form(5, {a: 6, b: -4})
    other = Form(1, {b: 2}) + Form(0, {a: -3})
    assert form.root == other.root
    assert hash(form.root) == hash(other.root)
    assert form.root * form.factor + form.constant == form
    assert (form.low, form.high) == (5 - 12, 5 + 42 + 16)
    assert (form - form).is_constant
    assert (form + 1).divided(2) == Form(3, {a: 3, b: -2})
    assert form.divided(2) is None


def test_a_function_is_recognised_where_it_is_another_times_a_number():
    root = Form.of(Atom("sum", -50_000, 50_000))
    functions = Functions(60)

    def clipped(factor, limit=9):
        return Function(root, lambda v: factor * np.clip(v.of(root) >> 5, 0, limit))

    word = functions.define(clipped(2), "word")
    assert functions.recognised(clipped(-6)) == word * -3
    assert functions.recognised(Function(root, lambda v: v.of(root) * 2 + 1)) == root * 2 + 1
    assert isinstance(functions.recognised(clipped(1, limit=10)), Function)


def test_one_value_of_many_makes_another_function():
    root = Form.of(Atom("sum", 0, 1 << 20))
    functions = Functions(60)
    functions.define(Function(root, lambda v: v.of(root) >> 3), "word")
    odd = Function(root, lambda v: (v.of(root) >> 3) ^ (v.of(root) == 777_777))
    assert functions.recognised(odd) is odd


def test_comparisons_end_in_time():
    root = Form.of(Atom("sum", 0, 1 << 40))
    with pytest.raises(Timeout):
        Functions(0.05).define(Function(root, lambda v: v.of(root) >> 3), "word")
