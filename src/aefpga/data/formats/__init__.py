"""Where each file format keeps its records, and how its branches become a schema's variables."""

from aefpga.data.formats.format import Columns, Format
from aefpga.data.formats.own import Own
from aefpga.data.formats.registry import FORMATS, register_format
from aefpga.data.formats.table import Table

__all__ = ["FORMATS", "Columns", "Format", "Own", "Table", "register_format"]
