"""Where each file format keeps its records, and how its branches become a schema's variables."""

from aefpga.data.formats.format import Columns, Format
from aefpga.data.formats.own import Own
from aefpga.data.formats.registry import FORMATS, register_format

__all__ = ["FORMATS", "Columns", "Format", "Own", "register_format"]
