"""Files that records are written into, chunk by chunk, whatever they are made of."""

from aefpga.data.targets.parquet import parquet
from aefpga.data.targets.root import rntuple, ttree
from aefpga.data.targets.target import Target

__all__ = ["Target", "parquet", "rntuple", "ttree"]
