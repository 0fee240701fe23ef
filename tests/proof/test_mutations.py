"""Random single changes of the Verilog are found: a few of what `benchmarks/mutations.py` draws."""

import runpy
import shutil
from pathlib import Path

import numpy as np

from aefpga.firmware.ports import input_names
from aefpga.firmware.rtl import TOP, trace, write_project
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.proof.design import pipeline
from aefpga.proof.equality import CLOCK
from aefpga.proof.netlist import read_verilog, verilog_files
from aefpga.proof.simulation import simulate

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/mutations.py"))


def changes_a_word(spec, latency, folder):
    """Whether a record among many shows that a design is wrong."""
    design = pipeline(read_verilog(verilog_files(folder), f"{TOP}_wrapper"), CLOCK)
    words = adversarial_words(spec, 20_000)
    ports = dict(zip(input_names(spec), spec.input.to_counts(words).T, strict=True))
    drained = np.zeros(latency, np.int64)
    found = simulate(design, [np.append(ports[name], drained) for name in design.inputs])
    return any(
        np.any(found[f"latent_{i}"][latency:] != column & ((1 << int(width)) - 1))
        for i, (column, width) in enumerate(
            zip(Emulator(spec)(words).T, spec.latent_type.width, strict=True)
        )
    )


def test_each_change_is_found_or_changes_no_word(tmp_path):
    spec = random_spec((4, 5, 3), 5, activation="leaky_relu", input_bits=6, rounding="RND_CONV")
    rtl = trace(spec, 5.0, adders=2)
    original, changed = tmp_path / "original", tmp_path / "changed"
    write_project(rtl, original, "xcvu9p-flga2104-2L-e")
    random, n_found = np.random.default_rng(0), 0
    for _ in range(8):
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(original, changed)
        what = BENCHMARK["change"](changed, random)
        verdict, _ = BENCHMARK["verdict"](spec, rtl, changed)
        if verdict == "proven":
            assert not changes_a_word(spec, rtl.stages + 1, changed), what
        n_found += verdict != "proven"
    assert n_found >= 5
