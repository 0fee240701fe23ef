"""Expressions of branches: a small arithmetic, that is parsed and never run as code."""

import ast
import json
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np

# Of one expression: what is longer was not written by hand.
MAX_LENGTH, MAX_PARTS = 2000, 200
FUNCTIONS: dict[str, np.ufunc] = {
    "abs": np.absolute,
    **{
        name: getattr(np, name)
        for name in (
            "sqrt", "exp", "log", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos",
            "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "hypot",
            "minimum", "maximum",
        )
    },
}  # fmt: skip
CONSTANTS = {"pi": np.pi}

Operator = Callable[..., Any]
_ARITHMETIC: dict[type[ast.operator], Operator] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.unaryop], Operator] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARISONS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_QUESTIONS = (ast.Compare, ast.BoolOp)
# What it multiplies becomes double precision; a Python float would leave single as it is.
_ONE = np.float64(1)


@dataclass(frozen=True)
class Expression:
    """What is computed of the columns of a file.

    Numbers, names of branches (``Jet_Px``, ``Jet.PT``; in quotes where a name is anything else),
    ``X[2]`` for the third number of each list, ``+ - * / % **``, comparisons, ``and``, ``or``,
    ``not``, `FUNCTIONS` and `CONSTANTS`. All is computed in double precision, but for a branch that
    stands alone, which is as it is.

    Parameters
    ----------
    root : ast.expr
        The parsed text, all of which is known.
    whole, items : tuple of str
        The branches that are used as they are, and those of which numbers are taken.

    Examples
    --------
    >>> import numpy as np
    >>> pt = Expression.parse("hypot(Jet_Px, Jet_Py)")
    >>> pt.branches
    ('Jet_Px', 'Jet_Py')
    >>> pt({"Jet_Px": np.array([3.0, 5.0]), "Jet_Py": np.array([4.0, 12.0])})
    array([ 5., 13.])
    """

    root: ast.expr
    whole: tuple[str, ...]
    items: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a text; ValueError, with what is not understood, if it is no expression."""
        if len(text) > MAX_LENGTH:
            raise ValueError(f"{len(text):,} characters, at most {MAX_LENGTH:,} are expected")
        try:
            with warnings.catch_warnings():
                # Of `1and x`: Python would warn on the user's terminal.
                warnings.simplefilter("error")
                root = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            # What YAML makes of `{source: hypot(x, y)}`.
            is_cut = text.count("(") > text.count(")")
            hint = "; between { } of YAML, a text with a comma needs quotes" if is_cut else ""
            raise ValueError(f"{_short(text)} is no expression: {error.msg}{hint}") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"{_short(text)} is no expression") from error
        if sum(1 for _ in ast.walk(root)) > 3 * MAX_PARTS:
            raise ValueError(f"{_short(text)} has more than {MAX_PARTS} parts; make it simpler")
        found = list(_uses(root))
        if not found:
            raise ValueError(f"{_short(text)} names no branch")
        return cls(
            root,
            tuple(dict.fromkeys(name for name, index in found if index is None)),
            tuple(dict.fromkeys(name for name, index in found if index is not None)),
        )

    @property
    def branches(self) -> tuple[str, ...]:
        """All branches that it needs."""
        return tuple(dict.fromkeys(self.whole + self.items))

    def __call__(self, columns: Mapping[str, Any]) -> Any:
        """Return the value, of NumPy or Awkward arrays of numbers, of the same nesting.

        Raises
        ------
        ValueError
            If columns do not go together, or a list has too few numbers.
        """
        if (name := _branch(self.root)) is not None:
            return columns[name]
        with np.errstate(all="ignore"):
            return _value(self.root, columns)


def quoted(branch: str) -> str:
    """Return how an expression names a branch."""
    try:
        if Expression.parse(branch).whole == (branch,):
            return branch
    except ValueError:
        pass
    return json.dumps(branch, ensure_ascii=False)


def _branch(node: ast.expr) -> str | None:
    """Return the name of the branch that this is, if it is one."""
    match node:
        case ast.Constant(value=str(name)) if name:
            return name
        case ast.Name(id=name) if name not in CONSTANTS:
            return name
        case ast.Attribute(value=ast.Name() | ast.Attribute() as before, attr=last):
            first = _branch(before)
            return None if first is None else f"{first}.{last}"
    return None


def _uses(node: ast.expr) -> Iterator[tuple[str, int | None]]:
    """Yield the branches of an expression, with the index where a number of a list is taken."""
    if (name := _branch(node)) is not None:
        yield name, None
        return
    parts: list[ast.expr] = []
    match node:
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))) if (
            (name := _branch(inner)) is not None and type(index) is int and index >= 0
        ):
            yield name, index
        case ast.Name():
            pass
        case ast.Constant(value=int() | float() as value) if type(value) is not bool:
            if not abs(value) < 1e300:
                raise ValueError(f"{_short(ast.unparse(node))} is no usable number")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=one):
            parts = [one]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            parts = [left, right]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, ops=ops, comparators=right) if set(map(type, ops)) <= set(
            _COMPARISONS
        ):
            parts = [left, *right]
        case ast.Call(func=ast.Name(id=called), args=args, keywords=[]):
            if called not in FUNCTIONS:
                raise ValueError(
                    f"there is no function {called[:40]}; there are {', '.join(FUNCTIONS)}"
                )
            if len(args) != FUNCTIONS[called].nin:
                raise ValueError(
                    f"{called} takes {FUNCTIONS[called].nin} arguments, found {len(args)}"
                )
            parts = args
        case _:
            raise ValueError(
                f"{_short(ast.unparse(node))} is not understood: expected branches, numbers, "
                "+ - * / % **, comparisons, and, or, not, functions of these, or NAME[2]; "
                "a name with other characters in quotes"
            )
    for part in parts:
        yield from _uses(part)


def _value(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    if (name := _branch(node)) is not None:
        return _ONE * columns[name]
    match node:
        case ast.Name(id=name):
            return CONSTANTS[name]
        case ast.Constant(value=int() | float() as number):
            # Of NumPy, where what is too large is infinite and no error.
            return np.float64(number)
        case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))):
            return _ONE * _items(str(_branch(inner)), index, columns)
        case ast.UnaryOp(op=ast.Not(), operand=one):
            return _value(one, columns) == 0
        case ast.UnaryOp(op=sign, operand=one):
            return _SIGNS[type(sign)](_number(one, columns))
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_number(left, columns), _number(right, columns))
        case ast.BoolOp(op=joint, values=values):
            truths = [_value(one, columns) != 0 for one in values]
            return reduce(operator.and_ if isinstance(joint, ast.And) else operator.or_, truths)
        case ast.Compare(left=left, ops=ops, comparators=right):
            sides = [_number(one, columns) for one in (left, *right)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return reduce(operator.and_, (_COMPARISONS[type(op)](a, b) for op, a, b in pairs))
        case ast.Call(func=ast.Name(id=called), args=args):
            return FUNCTIONS[called](*(_number(one, columns) for one in args))
    raise AssertionError(f"{ast.dump(node)} was parsed")


def _number(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    """Return a value with which to calculate: NumPy has other rules for truths."""
    value = _value(node, columns)
    is_truth = isinstance(node, _QUESTIONS) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )
    return _ONE * value if is_truth else value


def _items(name: str, index: int, columns: Mapping[str, Any]) -> Any:
    """Return a number of each list of a column."""
    import awkward as ak

    column = columns[name]
    if column.ndim < 2:
        raise ValueError(f"{name} holds one number each, {name}[{index}] needs lists")
    short = ak.to_numpy(ak.num(column)) <= index
    if short.any():
        raise ValueError(
            f"{name}[{index}] is not there in row {int(short.argmax())}, whose list has "
            f"{int(ak.num(column)[int(short.argmax())])}"
        )
    return column[:, index]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
