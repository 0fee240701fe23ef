import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from aefpga.errors import ToolError, UsageError
from aefpga.firmware import rtl
from aefpga.firmware.hls import CSimulation, HlsOptions, write_project
from aefpga.firmware.hls_layers import common_type, port_type
from aefpga.fixedpoint import Emulator, FixedType
from aefpga.fixedpoint.example import adversarial_counts, adversarial_words, random_spec

pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")


def assert_exact(spec, folder, options=None):
    counts = adversarial_counts(spec, n_random=500)
    words = spec.input.of_counts(counts)
    simulation = CSimulation(spec, folder, options)
    assert np.array_equal(simulation.encode(counts), Emulator(spec)(words))
    return simulation, words


@pytest.mark.parametrize(
    ("bits", "activation", "rounding", "overflow", "per_neuron"),
    [
        (6, "leaky_relu", "RND", "SAT", False),
        (10, "leaky_relu", "RND_CONV", "SAT", False),
        (12, "relu", "TRN", "WRAP", False),
        (5, "relu", "RND_CONV", "SAT", True),
        (6, "leaky_relu", "RND", "WRAP", True),
        (7, "linear", "TRN", "SAT", True),
        (8, "relu", "RND_CONV", "WRAP", True),
        (9, "leaky_relu", "RND", "SAT", True),
    ],
)
def test_every_word_equals_the_emulator(tmp_path, bits, activation, rounding, overflow, per_neuron):
    spec = random_spec(
        (16, 12, 8),
        bits,
        activation=activation,
        rounding=rounding,
        overflow=overflow,
        per_neuron=per_neuron,
        companded=bits - 4,
        offset=overflow == "WRAP",
    )
    assert_exact(spec, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "activation"),
    [((24, 64, 32, 15), "relu"), ((24, 200, 100, 50, 15), "leaky_relu")],
)
def test_compact_and_full_size(tmp_path, sizes, activation):
    assert_exact(random_spec(sizes, 8, activation=activation, input_bits=14), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        HlsOptions(strategy="Resource", reuse_factor=4),
        HlsOptions(strategy="distributed_arithmetic"),
        HlsOptions(backend="Vivado"),
    ],
    ids=lambda o: f"{o.backend}-{o.strategy}",
)
def test_every_strategy_and_backend_layer_by_layer(tmp_path, options):
    spec = random_spec((8, 6, 4), 5, activation="leaky_relu", per_neuron=True)
    simulation, words = assert_exact(spec, tmp_path, options)
    for found, expected in zip(simulation.trace(words), Emulator(spec).trace(words), strict=True):
        assert np.array_equal(found, expected)


def test_the_port_holds_every_input_exactly():
    spec = random_spec((24, 16, 8), 8, input_bits=14)
    words = adversarial_words(spec)
    values = spec.input.network_type.to_values(words)
    port = port_type(spec)
    assert np.array_equal(port.to_values(port.to_words(values)), values)


def test_mixed_signs_keep_every_bit():
    """signed<3,1> holds -1 to 0.75, unsigned<2,2> up to 3: together signed, and one bit wider."""
    common = common_type(FixedType([True, False], [3, 2], [1, 2]))
    assert (bool(common.signed), int(common.width), int(common.integer)) == (True, 5, 3)


def test_words_that_no_common_type_holds_are_an_error():
    with pytest.raises(ToolError, match="at most 53 can be simulated"):
        common_type(FixedType(True, [8, 8], [50, -20]))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of an encoder with offsets, logarithmic inputs and one name twice."""
    spec = random_spec((6, 3), 6, companded=3, offset=True)
    names = ("a b", "a_b", *spec.input.variables[2:])
    spec = replace(spec, input=replace(spec.input, variables=names))
    folder = tmp_path_factory.mktemp("hls") / "project"
    write_project(spec, folder, HlsOptions())
    return spec, folder


def test_projects_are_complete_and_hold_no_path_of_this_machine(project):
    spec, folder = project
    for name in ("README.md", "build_prj.tcl", "project.tcl", "firmware/encoder.cpp"):
        assert (folder / name).stat().st_size > 0
    counts, words = (np.loadtxt(folder / f"tb_data/{n}.dat") for n in ("quantities", "words"))
    assert np.array_equal(counts, adversarial_counts(spec)[:200])
    assert np.array_equal(words, Emulator(spec)(spec.input.of_counts(counts.astype(np.int64))))
    texts = [p for p in folder.rglob("*") if p.suffix in (".yml", ".tcl", ".sh", ".cpp", ".h")]
    assert not [p for p in texts if str(folder.parent) in p.read_text()]
    assert [p.name for p in folder.parent.iterdir()] == ["project"]


def test_the_top_has_the_ports_of_the_rtl(project, tmp_path):
    spec, folder = project
    rtl.write_project(rtl.trace(spec, 5.0), tmp_path / "rtl", "xcvu9p")
    verilog = (tmp_path / "rtl/src/encoder_wrapper.v").read_text()
    ports = re.findall(r"^    (?:in|out)put (signed )?\[(\d+):0\] (\w+)", verilog, re.M)
    header = (folder / "firmware/encoder_wrapper.h").read_text()
    found = re.findall(r"^    ap_(u?)int<(\d+)> (&?)(\w+)", header, re.M)
    assert [(name, int(w), not u) for u, w, _, name in found] == [
        (name, int(high) + 1, bool(signed)) for signed, high, name in ports
    ]
    assert [bool(reference) for *_, reference, _ in found] == [False] * 6 + [True] * 3
    tcl = (folder / "build_prj.tcl").read_text()
    assert 'set project_name "encoder_wrapper"' in (folder / "project.tcl").read_text()
    assert "set_top ${project_name}\nadd_files firmware/encoder.cpp\nadd_files firmware/${" in tcl
    assert "#pragma HLS INTERFACE" not in (folder / "firmware/encoder.cpp").read_text()


def test_its_own_script_compiles_and_compares(project):
    _, folder = project

    def said(*command):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert said("sh", "csim.sh") == (0, "200 records, 0 words differ\n")
    words = folder / "tb_data/words.dat"
    first, rest = words.read_text().split(" ", 1)
    words.write_text(f"{int(first) ^ 1} {rest}")
    assert said("./csim") == (1, "200 records, 1 words differ\n")


def test_there_is_no_floating_point_in_the_top(project):
    _, folder = project
    texts = [(folder / f"firmware/encoder_{n}").read_text() for n in ("wrapper.cpp", "words.h")]
    assert not re.search(r"\b(float|double)\b|\d\.\d", "".join(texts))


def test_distributed_arithmetic_has_no_reuse():
    with pytest.raises(UsageError, match="reuse factor must be 1"):
        HlsOptions(strategy="distributed_arithmetic", reuse_factor=4)
    with pytest.raises(UsageError, match="expected Latency"):
        HlsOptions(strategy="Fast")
