"""Writing a run's folder: sealed when it is complete, under a name that it can have."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.config import RunConfig
from aefpga.errors import UsageError
from aefpga.files import atomic_path, sha256_of, write_json
from aefpga.fixedpoint import Trigger
from aefpga.runs import layout
from aefpga.runs.run import SCHEMA_VERSION, Run

# Packages whose versions decide what a run's words and figures are.
RECORDED = ("tensorflow", "tf-keras", "qkeras", "hls4ml", "da4ml", "numpy", "onnxruntime")
# A folder's name has at most 255 bytes; its temporary ones are longer.
MAX_NAME = 200


def check_name(name: str) -> None:
    """Raise UsageError unless this is a name that a folder of a run can have."""
    if not 0 < len(name.encode(errors="replace")) <= MAX_NAME or not name.isprintable():
        raise UsageError(f"--name: expected 1 to {MAX_NAME} printable characters")
    if name.startswith((".", "-")) or "/" in name or "\\" in name:
        raise UsageError(
            f"--name {name}: a name without slashes that does not begin with a dot or a dash was "
            "expected; say with --runs where runs are"
        )


def seal(partial: Path, final: Path, config: RunConfig | None, facts: Mapping[str, Any]) -> Run:
    """Write the manifest of a complete folder and give it its final name.

    What was not trained here has no configuration.
    """
    if config is not None:
        config.save(partial / layout.CONFIG)
    files = sorted(p for p in partial.rglob("*") if p.is_file() and p.name != layout.MANIFEST)
    manifest = {
        "schema": SCHEMA_VERSION,
        "aefpga": __version__,
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
        "versions": installed_versions(),
        **facts,
        "files": {str(p.relative_to(partial)): sha256_of(p) for p in files},
    }
    write_json(partial / layout.MANIFEST, manifest)
    with atomic_path(final) as temporary:
        shutil.move(partial, temporary)
    # As whoever opens it later reads it: a tuple is a list there.
    return Run(final, json.loads((final / layout.MANIFEST).read_text()))


def set_trigger(run: Run, trigger: Trigger) -> Run:
    """Write a trigger into a run's specification, in place of one that it has; return the run.

    What was found of the encoder before, its agreement and reports, is of the one without.
    """
    spec = replace(run.spec, trigger=trigger)
    spec.save(run.folder)
    listed = {name: sha256_of(run.folder / name) for name in layout.QUANTIZED}
    manifest = {**run.manifest, "files": {**run.manifest["files"], **listed}}
    write_json(run.folder / layout.MANIFEST, manifest)
    return Run(run.folder, manifest)


def save_test_records(folder: Path, names: tuple[str, ...], values: NDArray[np.float32]) -> None:
    """Keep the test split with the run, so that every later verb judges the same records."""
    with atomic_path(folder / layout.TEST_RECORDS) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, names=np.array(names), values=values)


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that a run depends on, where they are installed."""
    found: dict[str, str] = {}
    for package in RECORDED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
