"""What a configuration chooses from, where a help text reads it without loading pydantic."""

from typing import Literal

ModelKind = Literal[
    "linear", "standard", "sparse-l1", "sparse-kl", "vae", "adversarial", "modulo", "conv"
]
Normalisation = Literal["min-max", "standard", "four-momentum", "physics", "shares"]
Scale = Literal["range", "spread"]
PenaltyRule = Literal["textbook", "study"]
ScoreKind = Literal["absolutes", "squares", "largest"]
Loss = Literal["squared", "neighbours"]
Schedule = Literal["cosine", "one-cycle", "constant"]
Strategy = Literal["Latency", "Resource", "distributed_arithmetic"]
FileFormat = Literal["ttree", "rntuple", "parquet"]
