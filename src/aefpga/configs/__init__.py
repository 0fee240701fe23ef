"""The configurations that come with the package; each has a name, for use from any folder."""

import difflib
from pathlib import Path

from aefpga.errors import UsageError

RUNS = Path(__file__).parent
STUDIES = RUNS / "studies"
SCHEMAS = RUNS / "schemas"


def names(folder: Path = RUNS) -> tuple[str, ...]:
    """Return the names of the configurations of runs, or of studies, or of schemas."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def find_config(given: str, folder: Path = RUNS) -> Path:
    """Return the file that a path, or the name of a shipped configuration, means.

    Raises
    ------
    UsageError
        If there is neither.
    """
    path, known = Path(given), names(folder)
    if path.exists() and not path.is_dir():
        return path
    if given in known:
        return folder / f"{given}.yaml"
    if path.exists():
        raise UsageError(f"configuration {given}: expected a YAML file, this is a folder")
    near = difflib.get_close_matches(path.stem, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"there is no configuration {given}: expected a YAML file, or one of those that come with "
        f"the package: {', '.join(known)}{hint}"
    )
