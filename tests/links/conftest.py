import pytest

from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.links.learning import learn_modulo
from aefpga.schema import JETS


@pytest.fixture(scope="session")
def learned():
    """A code of 90 bits learned from some jets, and others."""
    found = read_records([str(sample_path())], JETS.choose("24"), max_records=13_500).values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.learning.BATCHES", 300)
        patch.setattr("aefpga.links.learning.JUDGED", 1500)
        code = learn_modulo(found[:10_000], found[10_000:12_500], JETS.choose("24"), 90)
    return code, found[12_500:]
