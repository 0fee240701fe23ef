"""The page `docs/how_to_add_a_schema.md` is true: its code is run."""

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.config import DataConfig
from aefpga.data import formats
from aefpga.data.inspect import inspect
from aefpga.data.reader import read_records
from aefpga.errors import DataError
from aefpga.schema import JETS, registry

PAGE = Path(__file__).parents[2] / "docs" / "how_to_add_a_schema.md"


def test_the_page_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))
    before = list(formats.FORMATS)
    try:
        code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
        exec(compile(code, PAGE.name, "exec"), {})
        columns = {
            "Pixel_electrons": ak.Array([[10_000.0], []]),
            "Pixel_tx": ak.Array([[1.0], []]),
            "Pixel_ty": ak.Array([[1.0], []]),
        }
        with uproot.recreate("tracker.root") as file:
            file.mktree("Hits", dict.fromkeys(columns, "var * float32"))
            file["Hits"].extend(columns)
        asked = DataConfig(record="clusters").columns()
        read = read_records(["tracker.root"], asked)
        assert np.allclose(read.values, [[1.602, np.pi / 4, 0]])
        assert read.filled == ("cells",)
        found = inspect(Path("tracker.root"))
        assert (found.format, found.record, found.sets["short"].missing) == (
            "tracker",
            "clusters",
            (),
        )
        with pytest.raises(DataError, match=r"tracker\.root \(tracker\) holds clusters, but jets"):
            read_records(["tracker.root"], JETS)
    finally:
        formats.FORMATS[:] = before
