"""Run configuration: YAML files and command-line overrides, validated by pydantic."""

from aefpga.config.convolutions import PlacedKernel, placed_kernels
from aefpga.config.data import DataConfig
from aefpga.config.firmware import FirmwareConfig
from aefpga.config.loading import load_config, problems_of
from aefpga.config.model import CONV, MODULO, USUAL_LINK_BITS, ModelConfig
from aefpga.config.quantization import (
    UNIFORM_WIDTHS,
    USUAL_BIT_PRICE,
    WIDTHS,
    QuantizationConfig,
    parse_bits,
)
from aefpga.config.run import (
    LEARNED_WIDTHS,
    LEAST_LATENT_BITS,
    MOST_LATENT_BITS,
    USUAL_TRAINER,
    RunConfig,
)
from aefpga.config.training import TrainingConfig

__all__ = [
    "CONV",
    "LEARNED_WIDTHS",
    "LEAST_LATENT_BITS",
    "MODULO",
    "MOST_LATENT_BITS",
    "UNIFORM_WIDTHS",
    "USUAL_BIT_PRICE",
    "USUAL_LINK_BITS",
    "USUAL_TRAINER",
    "WIDTHS",
    "DataConfig",
    "FirmwareConfig",
    "ModelConfig",
    "PlacedKernel",
    "QuantizationConfig",
    "RunConfig",
    "TrainingConfig",
    "load_config",
    "parse_bits",
    "placed_kernels",
    "problems_of",
]
