"""The notebooks run from the first cell to the last, on a small setting."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra `dev`")
nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra `dev`")
pytest.importorskip("qkeras", reason="training needs the extra `train`")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
    parameters.source += "\nmax_jets, epochs = 1500, 1"
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": tmp_path}}
    ).execute()


def test_outputs_are_kept():
    assert len(NOTEBOOKS) == 4
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        assert sum(bool(c.outputs) for c in cells) >= 3, f"{path.name}: execute it and keep outputs"
