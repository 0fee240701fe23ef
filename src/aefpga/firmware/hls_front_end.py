"""In front of the network: what makes input words of the quantities on the ports, in C++.

The same as `front_end.py` has in Verilog, on `ap_int` and `ap_fixed`: subtractions, comparisons and
choices of bits, nothing in floating point.
"""

from aefpga.firmware.front_end import exact_difference
from aefpga.fixedpoint import EncoderInput, FixedType

HEADER = """\
#ifndef ENCODER_WORDS_H_
#define ENCODER_WORDS_H_

#include "ap_fixed.h"
#include "ap_int.h"

// The number that a word's bits stand for.
template <class number_t, class word_t> number_t number(word_t word) {
    number_t found;
    found.range(number_t::width - 1, 0) = word.range(number_t::width - 1, 0);
    return found;
}

// The bits of a number.
template <class number_t> ap_uint<number_t::width> bits(number_t number) {
    return number.range(number_t::width - 1, 0);
}

// A quantity on a logarithmic scale: where its leading one is, and the bits below it.
template <int mantissa, int width> ap_uint<width> companded(ap_uint<width> linear) {
    ap_uint<width> word = linear;
    for (int top = mantissa + 1; top < width; ++top) {
        #pragma HLS UNROLL
        const int octave = top - mantissa;
        const ap_uint<width> place = octave + 1;
        if (linear[top]) word = (place << mantissa) | linear.range(top - 1, octave);
    }
    return word;
}

#endif
"""


def statement(source: EncoderInput, index: int, port: str, word: str) -> str:
    """Return the C++ that assigns to `word` the number that the network reads of a port's word.

    Parameters
    ----------
    source : EncoderInput
        The encoder's input.
    index : int
        Number of the variable.
    port, word : str
        Names in C++, of what arrives and of what the network reads.
    """
    number, found = f"number<{exact(source.linear_type.element(index))} >({port})", port
    if source.offset is not None:
        number = _subtracted(source, index, port)
        found = f"bits({number})"
    if source.is_companded[index]:
        kind = exact(source.network_type.element(index))
        number = f"number<{kind} >(companded<{source.mantissa[index]}>({found}))"
    return f"{word} = {number};"


def exact(kind: FixedType) -> str:
    """Return a type of one element in C++, for numbers that need no rounding."""
    return f"ap_{'' if kind.signed else 'u'}fixed<{kind.width},{kind.integer}>"


def _rounding(kind: FixedType) -> str:
    return f"{exact(kind)[:-1]},AP_{kind.rounding},AP_{kind.overflow}>"


def _subtracted(source: EncoderInput, index: int, port: str) -> str:
    """Return the quantity less its offset, its point moved, cut and rounded to the linear word."""
    assert source.offset is not None
    count, width, fraction = exact_difference(source, index)
    difference = f"number<ap_fixed<{width},{width - fraction}> >"
    cut = source.offset.shifted.broadcast(source.mantissa.shape).element(index)
    less = f"{difference}(ap_int<{width}>({port}) - ap_int<{width}>({count}LL))"
    return f"{_rounding(source.linear_type.element(index))}({_rounding(cut)}({less}))"
