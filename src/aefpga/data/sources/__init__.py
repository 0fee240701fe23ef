"""Files as columns of events, whatever they are made of."""

from aefpga.data.sources.source import Source, reading

__all__ = ["Source", "reading"]
