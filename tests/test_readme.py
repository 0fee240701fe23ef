"""Every command of the README is run; those that train do so with fewer epochs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from browser import find_chromium, open_browser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python -m aefpga .+$", README, re.MULTILINE)


def run(command, folder):
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "140"},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def check_pages(pages, folder):
    """Pages of runs are small, and a browser finds nothing wrong with them."""
    assert pages
    assert all(page.stat().st_size < 3_000_000 for page in pages)
    if find_chromium() is None:
        return
    with open_browser(folder / "profile") as tab:
        for page in pages:
            tab.open(page)
            assert tab.problems == []
            figures = "[...document.querySelectorAll('figure')].map(f => f.dataset.drawn)"
            assert set(tab.evaluate(figures)) <= {"series", "remark"}


@pytest.mark.slow
def test_every_command_works(tmp_path):
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    pytest.importorskip("pythia8mc", reason="simulation needs the extra `simulate`")
    # The shipped configuration with a tiny encoder: the commands are what is tested here.
    shipped = yaml.safe_load((ROOT / "configs/sparse_l1_24d.yaml").read_text())
    shipped["model"] |= {"hidden": [8, 6], "latent": 4}
    # A file of that name comes before the shipped configuration.
    (tmp_path / "sparse_l1_24d").write_text(yaml.safe_dump(shipped))
    python = [sys.executable, "-m", "aefpga"]
    run([*python, "data", "simulate", "--output", "jets.root", "--events", "400"], tmp_path)
    assert len(COMMANDS) == 18
    for command in dict.fromkeys(COMMANDS):
        words = shlex.split(command)[3:]
        if words[0] == "train":
            words += ["--epochs", "1", "--max-jets", "900"]
            words += [] if "--config" in words else ["--config", "sparse_l1_24d"]
        run([*python, *words], tmp_path)
    check_pages(list(tmp_path.glob("runs/*/report.html")), tmp_path)
    files, encoding = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    run([sys.executable, "-c", files + "assert len(pt) == len(jets.counts)"], tmp_path)
    run([sys.executable, "-c", encoding + "assert jets.shape == run.test_records.shape"], tmp_path)


def test_make_targets_are_those_of_the_readme():
    done = subprocess.run(
        ["make", "--dry-run", "demo", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m aefpga run" in done.stdout
    assert "pytest" in done.stdout
    assert set(re.findall(r"^make (\w+)$", README, re.MULTILINE)) == {"demo", "test"}


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
