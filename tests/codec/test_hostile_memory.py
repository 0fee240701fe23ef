"""Small files that claim to be large: reading any file of n bytes takes at most 200 MB + 50 n."""

import io
import json
import re
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from crafted import (
    SCHEMA,
    make_file,
    make_model,
    members_of,
    rehashed,
    table_of,
    with_learned_models,
    write_members,
)

from aefpga.entropy.gated import GatedHistograms
from aefpga.entropy.rans import MAX_CELLS, encode_columns
from aefpga.schema.relations import alike, gates

# Reads files in every way, and says of each by how much memory has grown, what is allowed, in
# bytes, and what was found.
READ = """
import json, resource, sys
from pathlib import Path
import awkward, onnx, onnxruntime, uproot
from aefpga.codec.archive import Archive
from aefpga.codec.verification import contradictions
from aefpga.entropy import speed
from aefpga.errors import AefpgaError
from aefpga.codec.facts import compressed_facts
from aefpga.workflow.compress import decompress

def memory(field):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(field + ":")[1].split()[0])

# Numba takes a quarter of a gigabyte, whatever a file claims.
speed.ENOUGH = sys.maxsize
output, warm, *paths = map(Path, sys.argv[1:])
step = lambda *progress: None
ways = (
    lambda archive: decompress(archive, output, step=step),
    contradictions,
    compressed_facts,
    lambda archive: list(archive.words()),
)
ways[0](Archive(warm))
before = memory('VmRSS')
for path in paths:
    allowed, said = 200_000_000 + 50 * path.stat().st_size, []
    resource.setrlimit(resource.RLIMIT_DATA, (before + allowed + 2_000_000_000, -1))
    for salvage in (False, True):
        for read in ways[: 1 if salvage else None]:
            try:
                found = read(Archive(path, salvage=salvage))
                said += map(str, found if isinstance(found, list) else ())
            except AefpgaError as error:
                said.append(str(error))
    print(json.dumps([memory('VmHWM') - before, allowed, said]))
"""


def zeros(shape, dtype="<i8"):
    """An array of zeros as a member of an archive of arrays."""
    stream = io.BytesIO()
    np.save(stream, np.zeros(shape, dtype))
    return stream.getvalue()


def arrays(**members):
    """An archive of arrays, packed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def events_of(*counts, **columns):
    """Events of so many jets."""
    stream = io.BytesIO()
    np.savez_compressed(stream, counts=np.array(counts), **columns)
    return stream.getvalue()


def repeated(field, part, n):
    """A protobuf message of the same small part again and again."""
    size, length = part * n, []
    rest = len(size)
    while rest > 127:
        length.append(128 | rest & 127)
        rest >>= 7
    return bytes([field << 3 | 2, *length, rest]) + size


@pytest.fixture(scope="module")
def bombs(jets, tmp_path_factory):
    """Files by what they claim, and what is said of them."""
    folder = tmp_path_factory.mktemp("bombs")
    scalar = make_file(folder / "s.aejets", jets[:60])
    plain = members_of(scalar)
    coded = members_of(
        make_file(folder / "a.aejets", jets[:60], make_model(folder / "model", jets[:500]))
    )
    most = MAX_CELLS // 24
    one = {"chunks/000000/exact": zlib.compress(b"", 9)}
    learned, coder = with_learned_models(plain, *table_of(scalar, 0))
    manifest = json.loads(plain["manifest.json"])

    def says(jets):
        return json.dumps({**manifest, "chunks": [{"events": 1, "records": jets}]}).encode()

    wide = encode_columns([np.zeros(1 << 20, np.int64)] * 500)
    histograms = GatedHistograms(gates(SCHEMA), alike(SCHEMA))
    table = histograms.encode(np.zeros((most, 24), np.int64), np.array([most]))
    steps = coder.encode(np.zeros((most, 24), np.int64), np.array([most]))
    entries = json.dumps({**manifest, "chunks": [{"events": 1, "records": 1}] * 500_000}).encode()
    sparse = coded["model/decoder.onnx"] + repeated(7, b"\x0a\x00", 600_000)
    made = {
        "columns": (coded | {"chunks/000000/words": wide}, "500 columns of 1048576"),
        "rows": (
            plain | one | {"chunks/000000/events": events_of(1 << 20),
                           "manifest.json": says(1 << 20)},
            "a chunk has at most",
        ),
        "most": (
            plain | one | {"chunks/000000/events": events_of(most), "manifest.json": says(most),
                           "chunks/000000/steps": table},
            "the manifest says",
        ),
        "most, learned": (
            learned | one | {"chunks/000000/events": events_of(most), "manifest.json": says(most),
                             "chunks/000000/steps": steps},
            "the manifest says",
        ),
        "events": (
            plain | {"chunks/000000/events": arrays(counts=zeros(50_000_000))},
            "claim more than",
        ),
        "exact": (
            plain | {"chunks/000000/events": events_of(*[4] * 15, exact=np.ones(15, bool)),
                     "chunks/000000/exact": zlib.compress(bytes(300_000_000), 9)},
            "exact is damaged",
        ),
        "models": (
            learned | {"entropy/steps": arrays(weight=zeros(300_000_000, "i1"))},
            "claim more than",
        ),
        "weights": (
            rehashed(coded | {"model/encoder.npz": arrays(x=zeros(50_000_000))}),
            "encoder",
        ),
        "nodes": (rehashed(coded | {"model/decoder.onnx": sparse}), "no weights"),
        "entries": (plain | {"manifest.json": entries}, "lists 500,000 chunks"),
        "manifest": (plain | {"manifest.json": b"[" + b"{}," * 8_000_000 + b"{}]"}, "over"),
        "depth": (plain | {"header.json": b"[" * 1_000_000}, "header"),
        "names": (plain | {f"chunks/{i:06d}/x": b"" for i in range(60_000)}, "chunks"),
        "more names": (plain | {f"chunks/{i:06d}/x": b"" for i in range(70_000)}, "too many"),
    }  # fmt: skip
    return scalar, {
        name: (write_members(folder / f"{name}.aejets", content), said)
        for name, (content, said) in made.items()
    }


@pytest.mark.slow
def test_what_a_file_claims_takes_no_memory(bombs, tmp_path):
    small, made = bombs
    # Peaks do not fall again: what may take most comes last.
    names = sorted(made, key=lambda name: made[name][0].stat().st_size)
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "b.root", small, *(made[n][0] for n in names)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        grown, allowed, said = json.loads(line)
        assert grown < allowed, name
        assert any(re.search(made[name][1], x) for x in said), (name, said)
