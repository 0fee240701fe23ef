"""YAML that users write, and that says whose a folder is: one clear error for what is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aefpga.errors import UsageError
from aefpga.files import atomic_path

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
    if path.exists():
        found = read_yaml(path)
        before = found if isinstance(found, dict) else {}
        one_sided = content.keys() ^ before.keys()
        differ = [n for n in {**content, **before} if n in one_sided or before[n] != content[n]]
        if differ:
            raise UsageError(
                f"{path.parent} holds another {what}, with other {', '.join(map(str, differ))} "
                f"({path}); choose another --output or remove it"
            )
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(dict(content), sort_keys=False))
