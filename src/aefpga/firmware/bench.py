"""Test benches in cocotb that go with an RTL project, and the records that they drive."""

import shutil
from pathlib import Path

from aefpga.files import write_json
from aefpga.firmware.board import Interface, connections
from aefpga.firmware.ports import declarations
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words

# Copied as they are.
BENCHES = Path(__file__).parent / "benches"
# Records beside the adversarial ones.
N_RANDOM = 2000


def write_benches(interface: Interface, folder: Path) -> None:
    """Write benches of block and stream, with what the emulator computes, into a new folder."""
    spec = interface.spec
    folder.mkdir()
    for source in BENCHES.iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    (folder / f"{interface.module}_bench.v").write_text(_top(interface))
    words = adversarial_words(spec, N_RANDOM)
    quantities = interface.arriving.pack(spec.input.to_counts(words))
    (folder / "quantities.bin").write_bytes(quantities.tobytes())
    outputs = interface.leaving.pack(Emulator(spec).outputs(words))
    (folder / "words.bin").write_bytes(outputs.tobytes())
    sides = {
        "inputs": (interface.inputs, interface.arriving),
        "outputs": (interface.outputs, interface.leaving),
    }
    layout = {
        "encoder": spec.hash,
        "latent_hash": spec.latent_hash,
        "latency": interface.latency,
        "lanes": interface.lanes,
        "in_bytes": interface.arriving.n_bytes,
        "out_bytes": interface.leaving.n_bytes,
        **{
            side: list(zip([p.name for p in ports], packing.lows, packing.widths, strict=True))
            for side, (ports, packing) in sides.items()
        },
    }
    write_json(folder / "layout.json", layout)


def _top(interface: Interface) -> str:
    """Return the Verilog of one module with the ports of both, which is compiled once."""
    block, stream = (
        connections(port.split()[-1] for port in ports)
        for ports in (interface.block_ports, interface.stream_ports)
    )
    return f"""\
`timescale 1 ns / 1 ps
// For the benches: block and stream beside each other.

module {interface.module}_bench (
{declarations([*interface.block_ports, *interface.stream_ports])}
);
    {interface.module}_block block ({block});
    {interface.module}_stream stream (.aclk(clk), .aresetn(~rst), {stream});
endmodule
"""
