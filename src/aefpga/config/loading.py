"""Configurations from YAML files and command-line options."""

import reprlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aefpga.config.model import CONV, OF_CONVOLUTIONS
from aefpga.config.run import RunConfig
from aefpga.errors import UsageError
from aefpga.yaml_files import read_yaml


def load_config(path: Path | None, overrides: dict[str, dict[str, Any]]) -> RunConfig:
    """Read a YAML configuration and apply overrides, section by section.

    Parameters
    ----------
    path : Path or None
        YAML file; None starts from the defaults.
    overrides : dict
        Values by section and option.

    Raises
    ------
    UsageError
        If the file cannot be read or an option is unknown or out of range; all problems are named.
    """
    content: Any = {}
    if path is not None:
        content = read_yaml(path) or {}
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise UsageError(
            f"{path}: expected sections ({', '.join(RunConfig.model_fields)}), each with options"
        )
    for section, options in overrides.items():
        content[section] = {**content.get(section, {}), **options}
    model = overrides.get("model", {})
    was_linear = not content.get("model", {}).get("hidden")
    if "kind" in model and "hidden" not in model and (was_linear or model["kind"] == "linear"):
        # Which layers there are, or none, was said of another kind.
        content["model"].pop("hidden", None)
    if model.get("kind", CONV) != CONV:
        for option in {*OF_CONVOLUTIONS} - {*model}:
            content["model"].pop(option, None)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path or 'the options'} cannot be used:\n{problems_of(error)}"
        ) from error


def problems_of(error: ValidationError) -> str:
    """Return what is wrong with a configuration, a line for each place."""
    return "\n".join(
        f"  {'.'.join(str(p) for p in e['loc']) or 'configuration'}: {e['msg']}"
        + (f", found {reprlib.repr(e['input'])}" if not isinstance(e["input"], dict) else "")
        for e in error.errors()
    )
