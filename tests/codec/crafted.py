"""Small compressed files, and others made of their parts: checksums right, content at will."""

import json
import struct
import zipfile
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.container import Reader, _digest
from aefpga.codec.grid import Grids
from aefpga.codec.members import chunk, unpack_events
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.learned import save_models
from aefpga.entropy.learning import learn
from aefpga.entropy.objects import scheme_for
from aefpga.files import write_json
from aefpga.fixedpoint.example import random_spec
from aefpga.networks.network import FloatLayer, Network, export_network
from aefpga.normalise import Normaliser, save_normaliser
from aefpga.runs import Run
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress

SCHEMA = JETS.choose("24")
PROFILE = Profile.relative(0.01)


def silent(what, done, total):
    """Take progress and show nothing."""


def members_of(path):
    """The content of every member of a file."""
    reader = Reader(path)
    return {name: reader.member(name) for name in reader.sizes()}


def write_members(path, members):
    """Write a file of these members, with right checksums."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    with path.open("r+b") as stream:
        digest = _digest(stream, path.stat().st_size - 22, 44)
        stream.seek(-2, 2)
        stream.write(struct.pack("<H", len(digest)) + digest)
    return path


def rehashed(members):
    """The same members, with a header that states the checksums of the model's files."""
    header = json.loads(members["header.json"])
    sums = {n: sha256(members[f"model/{n}"]).hexdigest() for n in header.get("files", {})}
    return {**members, "header.json": json.dumps({**header, "files": sums}).encode()}


def make_model(folder, jets):
    """A run's files that encode and decode, of random weights."""
    folder.mkdir()
    spec = random_spec((24, 6), 8)
    source = replace(spec.input, variables=SCHEMA.names, units=SCHEMA.units)
    spec = replace(spec, input=source)
    spec.save(folder)
    rng = np.random.default_rng(0)
    layers = [
        FloatLayer(rng.normal(size=(6, 8)).astype("f4"), np.zeros(8, np.float32), "relu"),
        FloatLayer(rng.normal(size=(8, 24)).astype("f4"), np.zeros(24, np.float32)),
    ]
    scale = spec.latent_type.lsb.astype(np.float32)
    network = Network(layers, scale, metadata={"encoder": spec.hash})
    export_network(network, folder / "decoder.onnx")
    save_normaliser(Normaliser("physics", SCHEMA).fit(jets), folder / "normaliser.json")
    write_json(folder / "schema.json", SCHEMA.to_config())
    return Run(folder, {})


def make_file(path, jets, run=None):
    """Compress jets in chunks of 60, four to an event."""
    counts = np.full(len(jets) // 4, 4)
    events = {"run": np.ones(len(counts), np.uint32), "event": np.arange(len(counts))}
    source = path.with_suffix(".root")
    write_records(source, [Records(SCHEMA, jets, counts, events)], {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.chunks.CHUNK_RECORDS", 60)
        compress(run, [str(source)], path, Settings(profile=PROFILE), step=silent)
    return path


def with_learned_models(members, table, counts):
    """The same file, its steps coded by models that were learned from a table."""
    scheme = scheme_for(SCHEMA, Grids(PROFILE, SCHEMA).of_columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.entropy.learning.BATCHES", 5)
        models = learn(scheme, [(table, counts)])
    coder = Conditional(scheme, models)
    header = json.dumps({**json.loads(members["header.json"]), "learned": ["steps"]}).encode()
    found = {**members, "header.json": header, "entropy/steps": save_models(models)}
    return found, coder


def table_of(path, number):
    """The steps of a chunk, and its jets per event."""
    archive = Archive(path)
    counts, *_ = unpack_events(archive.reader.member(f"{chunk(number)}/events"), "")
    return Grids(PROFILE, SCHEMA).steps(list(archive.iterate())[number].values), counts
