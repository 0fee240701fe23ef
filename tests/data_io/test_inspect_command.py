"""`aefpga data inspect` at any width."""

import pytest
from rich.console import Console
from typer.testing import CliRunner

from aefpga.cli import app, show
from aefpga.schema import JETS


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_set_and_what_it_lacks_is_legible(shared_data, monkeypatch, width):
    monkeypatch.setattr(show, "console", Console(width=width, highlight=False))
    file = str(shared_data / "nanoAOD_2015_CMS_Open_Data_ttbar.root")
    result = CliRunner().invoke(app, ["data", "inspect", file])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert {row[0] for row in cells if row[1] in ("yes", "in part", "no")} == set(JETS.sets)
    words = {word for row in cells for cell in row for word in cell.split(", ")}
    # No name is broken, neither of what is missing nor of what is there.
    assert {"photon_multiplicity", "charged_hadron_multiplicity", "vertex_x", "pt"} <= {
        word.rstrip(",") for word in words
    }
    assert any(row[:2] == ["pt", "momentum [GeV]"] for row in cells)
