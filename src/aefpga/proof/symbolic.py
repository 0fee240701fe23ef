"""A design's outputs as forms of what a specification names: by reading every operation once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aefpga.proof.cells import N_MODULAR, compute, problem
from aefpga.proof.design import Design, Operand, Operation, Slice
from aefpga.proof.forms import Form, Unresolved
from aefpga.proof.functions import Function, Functions, Timeout, Value, Values, common_root


class Reader:
    """Reads a design: what each word of it is, as a form or as a function of one form.

    Sums are carried as exact linear forms. A word keeps the low bits of its form, so what it loses
    at its high end matters only where it is read, and is looked at there, by the form's range.
    Whatever is no sum - a part of a word, a comparison, a choice - is a function of what it reads,
    if that is one number; what it computes is known when its values are asked for.

    Parameters
    ----------
    design : Design
        What to read.
    inputs : sequence of Form
        Whole numbers that have the bits of its inputs.
    functions : Functions
        The functions to be recognised.
    """

    def __init__(self, design: Design, inputs: Sequence[Form], functions: Functions) -> None:
        self._functions = functions
        self._words: list[Value] = list(inputs)
        # Of each word, the registers between the inputs and it; None of constants.
        self._delays: list[int | None] = [0] * len(inputs)
        self._read: dict[tuple[Operand, int], Value] = {}
        for operation in design.operations:
            delays = {
                d + part.delay
                for operand in operation.operands
                for part in operand.slices
                if (d := self._delays[part.word]) is not None
            }
            word = (
                self._unknown(operation, "it reads words of different clock cycles")
                if len(delays) > 1
                else self._result(operation)
            )
            # What reads nothing may still change from cycle to cycle, unless it is constant.
            is_constant = isinstance(word, Form) and word.is_constant
            self._delays.append(max(delays, default=None if is_constant else 0))
            self._words.append(word)

    def output(self, operand: Operand) -> tuple[Value, set[int]]:
        """Return what is read, and after how many registers."""
        delays = [self._delays[part.word] for part in operand.slices]
        return self._value(operand), {
            d + part.delay for d, part in zip(delays, operand.slices, strict=True) if d is not None
        }

    def _result(self, operation: Operation) -> Value:
        if reason := problem(operation):
            return self._unknown(operation, reason)
        n_modular = N_MODULAR.get(operation.kind, 0)
        values = [
            self._value(operand, operation.width if i < n_modular else 0)
            for i, operand in enumerate(operation.operands)
        ]
        if (form := _linear(operation, values)) is not None:
            return form
        root = common_root(values)
        if root is not None:
            return Function(root, lambda v: compute(operation, [v.of(x) for x in values]))
        forms = [
            self._as_form(value, operand, operation)
            for value, operand in zip(values, operation.operands, strict=True)
        ]
        form = _linear(operation, forms)
        if operation.kind == "$mux":
            with suppress(Timeout):
                form = self._functions.chosen(forms[0], forms[1], values[2])
        return form or self._unknown(operation, "it is a function of several numbers, and no sum")

    def _unknown(self, operation: Operation, reason: str) -> Form:
        label = f"{operation.name}: {reason}"
        return Form.of(Unresolved(label, 0, (1 << operation.width) - 1))

    def _as_form(self, value: Value, operand: Operand, reader: Operation) -> Form:
        """Return what is read as a form, if need be of a number that no known function is."""
        exact = value if isinstance(value, Form) else self._value(operand)
        if isinstance(exact, Form):
            return exact
        label = f"{reader.name}: it reads a function that the specification does not have"
        return Form.of(Unresolved(label, *_range(operand), exact))

    def _value(self, operand: Operand, modulus: int = 0) -> Value:
        """Return what is read; of more bits than `modulus`, if any, just these matter."""
        modulus = modulus if operand.width >= modulus else 0
        key = operand, modulus
        if key not in self._read:
            self._read[key] = self._whole(operand, modulus)
        return self._read[key]

    def _whole(self, operand: Operand, modulus: int) -> Value:
        words = {part.word: self._words[part.word] for part in operand.slices}
        if all(isinstance(word, Form) and word.is_constant for word in words.values()):
            return Form(operand.read(lambda part: _constant(words[part.word])))
        form = self._sum(operand)
        if form is not None and (modulus or _holds(operand, form)):
            return form
        root = common_root([*words.values()])
        if root is None:
            reason = "bits of several numbers, or of too large ones, are read as one"
        else:
            function = Function(root, _reading(operand, words, exactly=not modulus))
            # Where just low bits matter, a sign is a matter of view.
            views = [replace(operand, signed=signed) for signed in (False, True) if modulus]
            try:
                for view in (function, *(Function(root, _reading(v, words)) for v in views)):
                    if isinstance(known := self._functions.recognised(view), Form):
                        return known
                return function
            except Timeout:
                reason = (
                    f"the time was over before all {root.high - root.low + 1:,} values were seen"
                )
        return Form.of(Unresolved(reason, *_range(operand)))

    def _sum(self, operand: Operand) -> Form | None:
        """Return a form with the operand's low bits; None where a part of a word is no form."""
        total = Form(operand.constant)
        for part in operand.slices:
            is_last = part.offset + part.count == operand.width
            form = self._part(part, is_last)
            if form is None:
                return None
            total = total + form * (1 << part.offset)
        return total

    def _part(self, part: Slice, is_last: bool) -> Form | None:
        word = self._words[part.word]
        if isinstance(word, Form) and word.is_constant:
            return Form(part.read(word.constant))
        form = word.divided(1 << part.low) if isinstance(word, Form) else None
        if form is None or is_last:
            return form
        half = 1 << (part.count - 1)
        low, high = (-half, half - 1) if part.signed else (0, 2 * half - 1)
        return form if low <= form.low and form.high <= high else None


def _reading(
    operand: Operand, words: Mapping[int, Value], *, exactly: bool = True
) -> Callable[[Values], Any]:
    """Return what computes an operand's numbers, as `Operand.read`."""
    return lambda values: operand.read(lambda part: values.of(words[part.word]), exactly=exactly)


def causes(value: Value) -> list[str]:
    """Return why a value is nothing of the specification: the first places where one is not."""
    found: list[str] = []
    for atom in value.root.terms:
        if isinstance(atom, Unresolved):
            found += (causes(atom.origin) if atom.origin is not None else []) or [atom.label]
    return list(dict.fromkeys(found))


def _constant(value: Value) -> int:
    assert isinstance(value, Form)
    return value.constant


def _range(operand: Operand) -> tuple[int, int]:
    span = 1 << operand.width
    return (-span // 2, span // 2 - 1) if operand.signed else (0, span - 1)


def _holds(operand: Operand, form: Form) -> bool:
    low, high = _range(operand)
    return low <= form.low and form.high <= high


def _linear(operation: Operation, values: Sequence[Value]) -> Form | None:
    """Return the result as a form; None where it is none, or a value is no form."""
    forms = [v for v in values if isinstance(v, Form)]
    if len(forms) < len(values):
        return None
    if all(f.is_constant for f in forms):
        return Form(int(compute(operation, [f.constant for f in forms])))
    match operation.kind, forms:
        case "$pos", [a]:
            return a
        case "$neg", [a]:
            return a * -1
        case "$not", [a]:
            return a * -1 + -1
        case "$add", [a, b]:
            return a + b
        case "$sub", [a, b]:
            return a - b
        case (("$shl" | "$sshl"), [a, b]) if b.is_constant and b.constant < operation.width:
            return a * (1 << b.constant)
        case "$mul", [a, b] if b.is_constant:
            return a * b.constant
        case "$mul", [a, b] if a.is_constant:
            return b * a.constant
        case "$mux", [a, b, s] if s.is_constant:
            return b if s.constant else a
    return None
