"""YAML that users write, and that says whose a folder is: one clear error for what is wrong."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aefpga.errors import UsageError
from aefpga.files import atomic_path

# Differences of two configurations that an error names.
SAID = 3
# What PyYAML's constructors raise for `2020-13-45` or `!!bool x`.
_WRONG = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    Raises
    ------
    UsageError
        If the file cannot be read, or is no valid YAML; where is said, as far as it is known.
    """
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {path}: expected a text in UTF-8 ({error})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path}{where}: no valid YAML ({error.problem})") from error
    except RecursionError as error:
        raise UsageError(f"{path}: no usable YAML (nested too deeply)") from error
    except (yaml.YAMLError, *_WRONG) as error:
        raise UsageError(f"{path}: no valid YAML ({error})") from error


def claim(path: Path, content: Mapping[str, Any], what: str) -> None:
    """Write the configuration of `what` fills a new folder, or make sure that it is the same.

    Raises
    ------
    UsageError
        If the folder holds another one; in what they differ is said.
    """
    if path.exists() and (said := differences(path, content)):
        raise UsageError(
            f"{path.parent} holds another {what}: {said}; choose another --output, remove it, or "
            f"go on with it by --config {path}"
        )
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(dict(content), sort_keys=False))


def differences(path: Path, content: Mapping[str, Any]) -> str:
    """Say in which options the configuration in a file differs from another; nothing if in none."""
    found = read_yaml(path)
    before, now = _flat(found if isinstance(found, dict) else {}), _flat(content)
    differ = [n for n in now | before if not (n in now and n in before and now[n] == before[n])]
    said = [f"{n} is {_said(before, n)} there and {_said(now, n)} here" for n in differ[:SAID]]
    more = [f"{len(differ) - SAID} more differ"] if len(differ) > SAID else []
    return " and ".join(said + more)


def _flat(content: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Return options by their place, such as ``training.epochs``."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{place}{name}.") if nested else {f"{place}{name}": value}
    return flat


def _said(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    return "nothing" if value is None else reprlib.repr(value)
