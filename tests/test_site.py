"""The documentation builds as a site, and no link of it leads nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def build(config, site):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DISABLE_MKDOCS_2_WARNING": "true"},
    )


@pytest.mark.slow
def test_the_site_has_every_page_and_every_module(tmp_path):
    pytest.importorskip("mkdocs_jupyter", reason="the site needs the extra `docs`")
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Two commands" in (tmp_path / "index.html").read_text()
    assert "latent_type" in (tmp_path / "reference/aefpga/fixedpoint/spec/index.html").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / page.stem / "index.html").exists(), page.name


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    pytest.importorskip("mkdocs_gen_files", reason="the site needs the extra `docs`")
    for name in ("docs", "src/aefpga", "benchmarks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "docs/pages.py").write_text((ROOT / "docs/pages.py").read_text())
    for name in ("README.md", "CHANGELOG.md", "benchmarks/README.md"):
        (tmp_path / name).write_text("# Title\n")
    (tmp_path / "docs/data.md").write_text("[elsewhere](nowhere.md)\n")
    config = "site_name: a\nplugins: [{gen-files: {scripts: [docs/pages.py]}}]\n"
    (tmp_path / "mkdocs.yml").write_text(config)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert "data.md links to nowhere.md, which is not there" in done.stderr
