"""The score of the latent words and the trigger bit in C++: two layers more for hls4ml."""

from functools import cache
from typing import Any

from aefpga.fixedpoint import Score, Trigger

# Kind of layer, in hls4ml's list, whose C++ we write.
WRITTEN = "WrittenLayer"
# The same rows as in `firmware/score.py`: each bit times itself and twice the bits above it.
SQUARE_BY_SHIFTS = """\
        const ap_uint<width> bits = size.range(width - 1, 0);
        ap_uint<2 * width> square = 0;
        for (unsigned place = 0; place < width; ++place) {
            #pragma HLS UNROLL
            const ap_uint<2 * width> above = bits >> (place + 1);
            if (bits[place]) square += ((above << 2) | 1) << (2 * place);
        }
        ap_ufixed<2 * width, 2 * input_t::iwidth> exact;
        exact.range(2 * width - 1, 0) = square;
        const output_t term = exact;"""
TERM = "        const output_t term = {};"


def score_code(name: str, score: Score, *, dsp: bool) -> str:
    """Return the C++ function that computes the score word of latent words.

    With `dsp` squares are products, for which the tool takes DSPs; else they are shifts and adds.
    """
    term = TERM.format("size")
    if score.kind == "squares":
        term = TERM.format("size * size") if dsp else SQUARE_BY_SHIFTS
    joined = "if (term > total) total = term" if score.kind == "largest" else "total += term"
    return f"""
template <typename input_t, typename output_t> void {name}(input_t *latent, output_t *score) {{
    #pragma HLS INLINE
    static const unsigned counted[] = {{{", ".join(map(str, score.counted))}}};
    constexpr unsigned width = input_t::width;
    output_t total = 0;
    for (unsigned i = 0; i < {len(score.counted)}; ++i) {{
        #pragma HLS UNROLL
        const input_t word = latent[counted[i]];
        ap_ufixed<width, input_t::iwidth> size = word;
        if (word < 0) size = -word;
{term}
        {joined};
    }}
    score[0] = total;
}}
"""


def bit_code(name: str, trigger: Trigger) -> str:
    """Return the C++ function that compares the score word with the threshold."""
    return f"""
template <typename input_t, typename output_t> void {name}(input_t *score, output_t *bit) {{
    #pragma HLS INLINE
    const ap_uint<input_t::width> word = score[0].range(input_t::width - 1, 0);
    bit[0] = word >= {trigger.threshold}ULL ? 1 : 0;
}}
"""


@cache
def register() -> None:
    """Make hls4ml know layers of one output each whose C++ comes with them."""
    from hls4ml.backends import get_backend
    from hls4ml.backends.template import FunctionCallTemplate
    from hls4ml.model.layers import Layer, register_layer
    from hls4ml.model.types import Source

    class WrittenLayer(Layer):  # type: ignore[misc]
        """A layer of one output, with the C++ function that computes it as attribute `code`."""

        def initialize(self) -> None:
            self.set_attr("code_codegen", Source(self.attributes["code"]))
            self.add_output_variable([1])

    class WrittenCall(FunctionCallTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(WrittenLayer, include_header=[])

        def format(self, node: Any) -> str:
            call = "nnet::{name}<{input_t}, {output_t}>({input}, {output});"
            return call.format(**self._default_function_params(node))

    register_layer(WRITTEN, WrittenLayer)
    for backend in ("Vitis", "Vivado"):
        get_backend(backend).register_template(WrittenCall)
