"""The Verilated RTL: Verilator makes a library of a project, which is clocked from here."""

import ctypes
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import ToolError
from aefpga.firmware.rtl import TOP, Rtl, stamp, trace, write_project
from aefpga.firmware.verilator import compile_module
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words

Words = NDArray[np.int64]
# More cycles than any pipeline here has stages; the simulation drains the pipeline with them.
MAX_LATENCY = 512
MAX_INTERVAL = 4


class RtlSimulation:
    """The Verilated RTL, clocked: a new jet enters at every rising edge.

    Parameters
    ----------
    rtl : Rtl
        What was written.
    folder : Path
        Its project folder; the compiled library goes into `sim/`.
    """

    name = "RTL"

    def __init__(self, rtl: Rtl, folder: Path) -> None:
        self._rtl = rtl
        self._library = ctypes.CDLL(str(_verilate(folder / "sim")))

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        return self.outputs(words)[:, self._rtl.spec.outputs["latent words"]]

    def outputs(self, words: Words) -> Words:
        """Return latent words, and of a trigger score and bit: see `EncoderSpec.outputs_of`."""
        return self.encode(self._rtl.spec.input.to_counts(words))

    def encode(self, counts: Words) -> Words:
        """Return all outputs of quantities on the linear grid of the input ports."""
        found = self.clock(counts)
        latency = self.latency_cycles
        return found[latency - 1 : latency - 1 + len(counts)]

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer, each from RTL of its own that ends there."""
        outputs: list[Words] = []
        for n_layers in range(1, len(self._rtl.spec.layers) + 1):
            rtl = self._rtl
            prefix = trace(rtl.spec.truncated(n_layers), rtl.clock_period_ns, rtl.adders)
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / "rtl"
                write_project(prefix, folder, "any")
                outputs.append(RtlSimulation(prefix, folder)(words))
        return outputs

    @property
    def clock_period_ns(self) -> float:
        """Clock period that the RTL was made for."""
        return self._rtl.clock_period_ns

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from the edge that takes a jet in to the edge that can take its words on.

        The input and the output register are both counted.
        """
        return self._timing[0]

    @property
    def interval_cycles(self) -> int:
        """Initiation interval: how many cycles apart jets must enter, in clock cycles."""
        return self._timing[1]

    @cached_property
    def _timing(self) -> tuple[int, int]:
        """Latency and initiation interval, found by simulation.

        Random jets enter, in every cycle at first, then in every second one and so on, until the
        words that the emulator computes for them are found among the outputs, as far apart.
        """
        words = adversarial_words(self._rtl.spec, n_random=200)
        expected = Emulator(self._rtl.spec).outputs(words)
        counts = self._rtl.spec.input.to_counts(words)
        for interval in range(1, MAX_INTERVAL + 1):
            outputs = self.clock(np.repeat(counts, interval, axis=0))
            span = len(words) * interval
            share = np.array(
                [
                    (outputs[shift : shift + span : interval] == expected).mean()
                    for shift in range(MAX_LATENCY)
                ]
            )
            # Most words, rather than all, so that a wrong bit does not hide the latency.
            matching = np.flatnonzero(share == share.max())
            if share.max() >= 0.9 and np.ptp(matching) < interval:
                return int(matching[0]) + 1, interval
        raise ToolError(
            "the RTL's outputs match the emulator's at no single latency, with a jet every 1 to "
            f"{MAX_INTERVAL} cycles"
        )

    def clock(self, counts: Words) -> Words:
        """Drive one jet a cycle, then drain; return the outputs after every rising edge.

        Returns
        -------
        ndarray of int64, shape (n_jets + MAX_LATENCY, n_outputs)
            Row c holds the output ports after the rising edge of cycle c.
        """
        inputs = np.zeros((len(counts) + MAX_LATENCY, counts.shape[1]), np.int64)
        inputs[: len(counts)] = counts
        outputs = np.empty((len(inputs), self._rtl.spec.output_type.width.size), np.int64)
        pointers = (a.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)) for a in (inputs, outputs))
        self._library.run(*pointers, ctypes.c_size_t(len(inputs)))
        return outputs


def _verilate(folder: Path) -> Path:
    """Compile the RTL and its test bench to a shared library with Verilator, unless it is there."""
    module = f"{TOP}_wrapper"
    library = folder / f"lib{module}_{stamp(folder.parent)}.so"
    if not library.exists():
        compile_module(module, folder.parent / "src", folder / f"{module}_binder.cc", library)
    return library.resolve()
