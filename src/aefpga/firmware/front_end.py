"""In front of the network: what makes input words of the quantities on the ports, in Verilog.

An offset is subtracted, the difference cut and rounded to a word; a compander finds the leading one
and takes the bits below it (`fixedpoint/compand.py`). There are no registers: all of it stands
before the encoder's input register.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from aefpga.fixedpoint import EncoderInput, FixedType

Ports = Sequence[tuple[str, str]]


def statements(source: EncoderInput, index: int, port: str, word: str) -> list[str]:
    """Return Verilog that declares and assigns to the output `word`; none where the port is it.

    Parameters
    ----------
    source : EncoderInput
        The encoder's input.
    index : int
        Number of the variable.
    port, word : str
        Names in Verilog, of what arrives and of what the network reads.
    """
    mantissa = int(source.mantissa[index])
    linear = source.linear_type.element(index)
    lines: list[str] = []
    name = port
    if source.offset is not None:
        name = word if mantissa < 0 else f"linear_{port}"
        lines += _subtract(source, index, port, name, linear)
    if mantissa >= 0:
        width = int(np.broadcast_to(source.network_type.width, source.mantissa.shape)[index])
        lines.append(f"assign {word} = {_compand(name, int(linear.width), width, mantissa)};")
    return lines


def combinational(name: str, inputs: Ports, outputs: Ports, body: Sequence[str]) -> str:
    """Return the Verilog of a module without a clock; ports are pairs of type and name."""
    declared = ",\n".join(
        [f"    input {kind} {port}" for kind, port in inputs]
        + [f"    output {kind} {port}" for kind, port in outputs]
    )
    text = "\n".join(f"    {line}" for line in body)
    return f"""\
`timescale 1 ns / 1 ps
// Quantities to the network's words: offsets and logarithmic scales, no registers.

module {name} (
    // verilator lint_off UNUSEDSIGNAL
{declared}
);
{text}
    // verilator lint_on UNUSEDSIGNAL
endmodule
"""


def exact_difference(source: EncoderInput, index: int) -> tuple[int, int, int]:
    """Return an offset in steps of its port, and how many bits a quantity less it may take.

    The third number is how many of the bits are right of the binary point, once that is moved by
    the input's exponent, which costs nothing.
    """
    offset = source.offset
    assert offset is not None
    arriving = source.port.element(index)
    count = int(np.ldexp(offset.values[index], int(arriving.fraction)))
    width = max(int(arriving.width) + 1, count.bit_length() + 1) + 1
    return count, width, int(arriving.fraction) + int(source.exponent[index])


def _subtract(
    source: EncoderInput, index: int, port: str, name: str, linear: FixedType
) -> Iterator[str]:
    """Yield what subtracts the offset, cuts the difference and rounds it to the linear word."""
    offset = source.offset
    assert offset is not None
    arriving = source.port.element(index)
    count, width, fraction = exact_difference(source, index)
    sign = f"{port}[{int(arriving.width) - 1}]" if arriving.signed else "1'b0"
    difference, cut = f"difference_{port}", f"cut_{port}"
    padding = width - int(arriving.width)
    yield (
        f"wire signed [{width - 1}:0] {difference} = "
        f"$signed({{{{{padding}{{{sign}}}}}, {port}}}) - {_constant(count, width)};"
    )
    shifted = offset.shifted.broadcast(source.mantissa.shape).element(index)
    yield from _quantize(difference, width, fraction, shifted, cut)
    cut_width = int(shifted.width) + (not shifted.signed)
    rounded = f"rounded_{port}"
    yield from _quantize(cut, cut_width, int(shifted.fraction), linear, rounded)
    declared = (
        "" if int(source.mantissa[index]) < 0 else f"wire [{int(linear.width) - 1}:0] {name}; "
    )
    yield f"{declared}assign {name} = {rounded}[{int(linear.width) - 1}:0];"


def _quantize(name: str, width: int, fraction: int, kind: FixedType, result: str) -> Iterator[str]:
    """Yield what rounds and saturates or wraps a signed wire into another, which has a sign too."""
    drop = fraction - int(kind.fraction)
    wide = max(width, drop + 1, int(kind.width)) + max(-drop, 0) + 2
    x, y = f"wide_{result}", f"whole_{result}"
    yield f"wire signed [{wide - 1}:0] {x} = {name};"
    if drop <= 0:
        yield f"wire signed [{wide - 1}:0] {y} = {x} <<< {-drop};"
    else:
        half = 1 << (drop - 1)
        added = {
            "TRN": x,
            "RND": f"{x} + {_constant(half, wide)}",
            "RND_CONV": f"{x} + {_constant(half - 1, wide)} + "
            f"$signed({{{{{wide - 1}{{1'b0}}}}, {x}[{drop}]}})",
        }[kind.rounding]
        yield f"wire signed [{wide - 1}:0] {y} = ({added}) >>> {drop};"
    low, high = (int(w) for w in (kind.min_word, kind.max_word))
    bits = int(kind.width)
    held = f"{y}[{bits - 1}:0]"
    if kind.overflow == "SAT":
        least, most = (_constant(w, wide) for w in (low, high))
        clipped = f"clipped_{result}"
        yield (
            f"wire signed [{wide - 1}:0] {clipped} = "
            f"{y} < {least} ? {least} : {y} > {most} ? {most} : {y};"
        )
        held = f"{clipped}[{bits - 1}:0]"
    if kind.signed:
        yield f"wire signed [{bits - 1}:0] {result} = $signed({held});"
    else:
        yield f"wire signed [{bits}:0] {result} = $signed({{1'b0, {held}}});"


def _constant(value: int, width: int) -> str:
    return f"{'-' if value < 0 else ''}{width}'sd{abs(value)}"


def _compand(name: str, linear_width: int, width: int, mantissa: int) -> str:
    """Return the expression of a companded word: one case for each place of the leading one."""
    cases = [
        f"{name}[{top}] ? {{{width - mantissa}'d{top - mantissa + 1}, "
        f"{name}[{top - 1}:{top - mantissa}]}} :"
        for top in range(linear_width - 1, mantissa, -1)
    ]
    low = min(mantissa, linear_width - 1)
    return "\n        ".join(["", *cases, f"{name}[{low}:0]"])
