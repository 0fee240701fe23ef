"""Run folders: what they hold, how they are written and opened, and what a run computes."""

from aefpga.runs.run import SCHEMA_VERSION, Run, open_run
from aefpga.runs.writer import (
    check_name,
    installed_versions,
    save_test_records,
    seal,
    set_trigger,
)

__all__ = [
    "SCHEMA_VERSION",
    "Run",
    "check_name",
    "installed_versions",
    "open_run",
    "save_test_records",
    "seal",
    "set_trigger",
]
