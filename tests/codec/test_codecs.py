"""A codec that nothing under src/ knows of works through the library's own functions."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.facts import compressed_facts
from aefpga.codec.protocol import Codec, Quantized
from aefpga.codec.registry import find_codec, register
from aefpga.codec.verification import contradictions
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.entropy.histograms import StepHistograms
from aefpga.entropy.schemes import PlainScheme
from aefpga.errors import UsageError
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress, decompress

FOUR = JETS.choose("4")
GUIDE = Path(__file__).parents[2] / "docs" / "how_to_add_a_codec.md"


@register
class Decimals(Codec):
    """Each value rounded to some decimals, as an option says."""

    name = "decimals"

    def __init__(self, task, digits=2):
        super().__init__(task)
        self._digits = digits
        self.coders = {"rounded": StepHistograms(len(task.schema))}
        self.schemes = {"rounded": PlainScheme(len(task.schema))}

    @classmethod
    def from_config(cls, config, task):
        return cls(task, config.get("digits", 2))

    def to_config(self):
        return {"digits": self._digits}

    def quantize(self, values):
        rounded = np.rint(np.clip(values * 10.0**self._digits, -1e6, 1e6)).astype(np.int64)
        return Quantized.of({"rounded": rounded}, self.restore({"rounded": rounded}))

    def restore(self, tables):
        return (tables["rounded"] / 10.0**self._digits).astype(np.float32)


def test_the_guide_shows_this_codec():
    source = Path(__file__).read_text()
    shown = source[source.index("@register") : source.index("\n\ndef test_the_guide")].strip()
    assert shown in GUIDE.read_text()


@pytest.mark.parametrize("level", ["fast", "best"])
@pytest.mark.parametrize("share", [None, 0.001])
def test_a_codec_of_one_file(jets, tmp_path, monkeypatch, level, share):
    monkeypatch.setattr("aefpga.entropy.learning.BATCHES", 20)
    values = jets[:400, :4].copy()
    values[7, 0] = 3e7
    write_records(tmp_path / "j.root", [Records(FOUR, values, np.full(100, 4))], {})
    profile = Profile.relative(share) if share else None
    settings = Settings(
        variables="4", codec="decimals", options={"digits": 1}, level=level, profile=profile
    )
    small = tmp_path / "j.aejets"
    made = compress(None, [str(tmp_path / "j.root")], small, settings)
    archive = Archive(small)
    assert archive.header.codec == "decimals"
    assert archive.header.options == {"digits": 1}
    assert archive.reader.damaged() == contradictions(archive) == []
    assert compressed_facts(archive) == made
    assert decompress(archive, tmp_path / "back.root") == 400
    back = read_records([str(tmp_path / "back.root")], FOUR).values
    if profile:
        # The file keeps what its codec does not reach.
        assert profile.within(FOUR, values, back).all()
        assert made.exact_values > 0
    else:
        np.testing.assert_allclose(np.delete(back, 7, 0), np.delete(values, 7, 0), atol=0.051)
        assert made.exact_values == 0


def test_codecs_are_found_by_name():
    assert find_codec("decimals") is Decimals
    with pytest.raises(UsageError, match="unknown codec banana; known are autoencoder, scalar"):
        find_codec("banana")
    with pytest.raises(UsageError, match="codec autoencoder needs a run"):
        compress(None, [str(sample_path())], Path("x.aejets"), Settings(codec="autoencoder"))


def test_a_file_of_a_codec_that_is_not_there(jets, tmp_path):
    write_records(tmp_path / "j.root", [Records(FOUR, jets[:9, :4], np.array([9]))], {})
    settings = Settings(variables="4", codec="decimals")
    compress(None, [str(tmp_path / "j.root")], tmp_path / "j.aejets", settings)
    command = [sys.executable, "-m", "aefpga", "info", str(tmp_path / "j.aejets")]
    said = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout)["codec"] == "decimals"
    said = subprocess.run([*command, "--verify"], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "unknown codec decimals" in said.stderr
