"""What headers and manifests of versions 1 and 2 of the format say, as version 3 would say it."""

from collections.abc import Mapping
from typing import Any


def header(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a header of version 1 or 2 says as version 3 would."""
    encoder, learned = content.get("encoder"), content.get("entropy", {})
    scalar = "scalar" if "quantization" in content else "zeros"
    options = {
        "encoder": encoder,
        "keeps_outliers": content.get("outliers_kept", True),
        "is_consistent": False,
    }
    return {
        **{key: content[key] for key in ("aefpga", "run", "max_error") if key in content},
        "record": {"name": "jets", "variables": content.get("variables")},
        "codec": "autoencoder" if encoder else scalar,
        "options": options if encoder else {"is_gated": False} if scalar == "scalar" else {},
        "files": content.get("model", {}),
        "learned": list(learned) if isinstance(learned, dict) else learned,
    }


def manifest(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a manifest of version 1 or 2 says as version 3 would."""
    renamed = {"jets": "records", "bits_per_jet": "bits_per_record", "saturated_jets": "saturated"}
    found = {renamed.get(key, key): value for key, value in content.items()}
    # Of version 1: how many corrections were not 0.
    found.pop("corrections", None)
    if isinstance(sources := found.get("sources"), dict):
        found["sources"] = [{"name": name} for name in sources]
    if isinstance(chunks := found.get("chunks"), list):
        found["chunks"] = [
            {renamed.get(key, key): value for key, value in chunk.items()}
            if isinstance(chunk, dict)
            else chunk
            for chunk in chunks
        ]
    return found
