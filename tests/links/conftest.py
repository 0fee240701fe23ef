from dataclasses import replace

import pytest

from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.links import beam
from aefpga.links.learning import learn_modulo
from aefpga.schema import JETS


@pytest.fixture(scope="session")
def learned():
    """A code of 84 bits learned from some jets, and others."""
    found = read_records([str(sample_path())], JETS.choose("24"), max_records=12_000).values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.entropy.learning.BATCHES", 300)
        patch.setattr("aefpga.links.learning.JUDGED", 1000)
        # A narrower search is a faster one.
        for name, hypotheses in (("NARROW", 32), ("WIDE", 64), ("WIDEST", 128)):
            patch.setattr(beam, name, replace(getattr(beam, name), hypotheses=hypotheses))
        code = learn_modulo(found[:10_000], found[10_000:11_200], JETS.choose("24"), 84)
        yield code, found[11_200:]
