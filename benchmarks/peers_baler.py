"""Baler 0.0.6 with its own settings for CMS jets; run by `peers.py` in an environment of its own.

The settings are those of its repository, `CMS_workspace/CMS_project_v1`: 24 variables to 15, 25
epochs. Baler is told what its package leaves open: its own network for them. Prints JSON.

Usage: ``python benchmarks/peers_baler.py JETS.npz FOLDER``; JETS.npz holds `data` and `names`.
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.optim import lr_scheduler

# Baler passes an argument that newer versions of PyTorch do not have.
_Plateau = lr_scheduler.ReduceLROnPlateau
lr_scheduler.ReduceLROnPlateau = lambda *given, verbose=False, **more: _Plateau(*given, **more)

from baler_compressor import compressor, decompressor, legacy_models, trainer  # noqa: E402


class Network(legacy_models.AE):
    """Its network for CMS jets, 24-200-100-50-15, under the name by which `compress` calls it."""

    def encoder(self, x):
        """Return the latent numbers."""
        return self.encode(x)


SETTINGS = {
    "model": Network,
    "model_name": "AE",
    "model_type": "dense",
    "data_dimension": 1,
    "compression_ratio": 1.6,
    "apply_normalization": True,
    "epochs": 25,
    "lr": 0.001,
    "batch_size": 512,
    "early_stopping": True,
    "early_stopping_patience": 100,
    "lr_scheduler": True,
    "lr_scheduler_patience": 50,
    "min_delta": 0,
    "custom_norm": False,
    "reg_param": 0.001,
    "RHO": 0.05,
    "test_size": 0,
    "l1": True,
    "deterministic_algorithm": False,
    "convert_to_blocks": False,
    "verbose": False,
}


def main() -> None:
    """Train, compress, decompress; keep what comes back in the folder."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = SimpleNamespace(**SETTINGS)
    small, model = folder / "compressed.npz", folder / "model.pt"
    seconds = []
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.redirect_stdout(sys.stderr):
        seconds.append(time.process_time())
        trained, features, _ = trainer.run(str(source), config)
        torch.save(trained.state_dict(), model)
        np.save(folder / "normalization_features.npy", features)
        seconds.append(time.process_time())
        latent, names, shape = compressor.run(str(source), str(model), features, config)
        np.savez(
            small, data=latent, names=names, normalization_features=features, original_shape=shape
        )
        seconds.append(time.process_time())
        back, _, _ = decompressor.run(str(model), str(small), config)
        seconds.append(time.process_time())
    np.save(folder / "back.npy", np.asarray(back, np.float32))
    training, compressing, decompressing = np.diff(seconds).tolist()
    found = {
        "bytes": small.stat().st_size,
        "model_bytes": model.stat().st_size,
        "training_seconds": training,
        "compressing_seconds": compressing,
        "decompressing_seconds": decompressing,
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
