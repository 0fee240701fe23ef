"""Files as columns of events, whatever they are made of."""

from aefpga.data.sources.source import Source, is_file, reading

__all__ = ["Source", "is_file", "reading"]
