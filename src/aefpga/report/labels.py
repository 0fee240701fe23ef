"""Labels of axes: matplotlib's mathematics as text with styles, for HTML and for SVG."""

import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup

# Text, and how it is set: "" upright, "i" italic, "sub", "sup".
Piece = tuple[str, str]
Label = tuple[Piece, ...]

_SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Phi": "Φ", "Sigma": "Σ", "Omega": "Ω", "pm": "±", "mp": "∓",
    "times": "×", "cdot": "·", "sum": "Σ", "ell": "ℓ", "hbar": "ħ", "infty": "∞", "to": "→",
}  # fmt: skip
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
# A group in braces, a command with its argument, a command, an escaped character, a character.
_TOKEN = re.compile(
    r"\{((?:[^{}]|\{[^{}]*\})*)\}|\\([A-Za-z]+)(?:\{([^{}]*)\})?|\\(.)|(.)", re.DOTALL
)


def label(text: str) -> Label:
    """Return text with mathematics between dollars as pieces; what is unknown stays as it is."""
    pieces: list[Piece] = []
    for i, part in enumerate(text.split("$")):
        pieces += _mathematics(part) if i % 2 else [(part, "")] * bool(part)
    runs = groupby(pieces, lambda piece: piece[1])
    return tuple(("".join(text for text, _ in run), style) for style, run in runs)


def html(pieces: Label) -> Markup:
    """Return a label as HTML."""
    tags = {"i": "i", "sub": "sub", "sup": "sup"}
    return Markup("").join(
        Markup("<{0}>{1}</{0}>").format(tags[s], t) if s in tags else Markup.escape(t)
        for t, s in pieces
    )


def _mathematics(text: str) -> Iterator[Piece]:
    script = ""
    for found in _TOKEN.finditer(text):
        group, name, argument, escaped, character = found.groups()
        if character in ("_", "^") and not script:
            script = "sub" if character == "_" else "sup"
            continue
        if script:
            inner = _flat(found[0])
            yield inner, script
            script = ""
        elif group is not None:
            yield from _mathematics(group)
        elif name is not None:
            yield _command(name, argument), "" if argument is not None else "i"
        elif escaped is not None:
            yield escaped, ""
        else:
            yield character, "i" if character.isalpha() else ""


def _flat(text: str) -> str:
    """Return what stands in a script, whose own scripts have no style left."""
    flat, raised = "", False
    for found in _TOKEN.finditer(text):
        group, name, argument, escaped, character = found.groups()
        if character in ("_", "^"):
            raised = character == "^"
            continue
        if group is not None:
            piece = _flat(group)
        elif name is not None:
            piece = _command(name, argument)
        else:
            piece = escaped if escaped is not None else character
        flat, raised = flat + (piece.translate(_RAISED) if raised else piece), False
    return flat


def _command(name: str, argument: str | None) -> str:
    if argument is not None:
        return _flat(argument)
    return _SIGNS.get(name, name)
