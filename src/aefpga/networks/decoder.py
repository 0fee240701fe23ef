"""The decoder: a network read from ONNX, run by onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import RunError
from aefpga.networks.network import read_network
from aefpga.threads import over_blocks

# Records decoded together, so few that layers find them in a core's cache; and numbers between two
# layers, at most, whatever a file says.
BATCH, MAX_ACTIVATIONS = 1024, 1 << 22

Floats = NDArray[np.float32]


class Decoder:
    """A network loaded from ONNX; calling it runs onnxruntime.

    Parameters
    ----------
    path : Path
        File that `export_network` wrote.
    encoder_hash : str or None
        Hash of the encoder whose words will be decoded; checked where given.

    Raises
    ------
    RunError
        If the file is missing, damaged, of another schema, or of another encoder.
    """

    def __init__(self, path: Path, encoder_hash: str | None = None) -> None:
        import onnxruntime

        network = read_network(path)
        metadata, self.n_in, self.n_out = network.metadata, network.n_in, network.n_out
        if encoder_hash is not None and metadata.get("encoder") != encoder_hash:
            raise RunError(
                f"{path} decodes words of encoder {metadata.get('encoder', '?')[:16]}…, not of "
                f"{encoder_hash[:16]}…; use the decoder of the same run"
            )
        self._path = path
        self._batch = max(min(BATCH, MAX_ACTIVATIONS // network.widest), 1)
        model, options = network.to_onnx().SerializeToString(), onnxruntime.SessionOptions()
        # Blocks have threads, those of a block would wait for each other, and keep cores busy.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, words: NDArray[Any]) -> Floats:
        """Return normalised variables, shape (n_jets, n_variables), of words (n_jets, n_latent)."""
        if words.ndim != 2 or words.shape[1] != self.n_in:
            raise RunError(f"{self._path} takes {self.n_in} words a jet, found shape {words.shape}")
        found = np.empty((len(words), self.n_out), np.float32)

        def decode(rows: slice) -> None:
            given = {"words": words[rows].astype(np.float64, order="C")}
            (found[rows],) = self._session.run(None, given)

        over_blocks(decode, len(words), self._batch)
        return found
