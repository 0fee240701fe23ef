"""What headers and manifests of versions 1 to 3 of the format say, as version 4 would say it."""

from collections.abc import Mapping, Sequence
from typing import Any


def header(content: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return what a header of an earlier version says as version 4 would."""
    found = dict(content) if version == 3 else _header_of_jets(content)
    if found.get("codec") == "scalar" and isinstance(options := found.get("options", {}), dict):
        found["options"] = {**options, "knows_events": False}
    return found


def _header_of_jets(content: Mapping[str, Any]) -> dict[str, Any]:
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


def manifest(content: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return what a manifest of an earlier version says as version 4 would."""
    renamed = {"jets": "records", "saturated_jets": "saturated"}
    # What files say themselves; and of version 1, how many corrections were not 0.
    dropped = ("bits_per_jet", "bits_per_record", "corrections")
    found = {renamed.get(key, key): x for key, x in content.items() if key not in dropped}
    if isinstance(sources := found.get("sources"), dict):
        found["sources"] = [{"name": name} for name in sources]
    if isinstance(chunks := found.get("chunks"), list):
        found["chunks"] = [
            {renamed.get(key, key): value for key, value in chunk.items()}
            if isinstance(chunk, dict)
            else chunk
            for chunk in chunks
        ]
    # What is of another type than it was is left for who validates it.
    for errors in ("root_mean_square_error", "largest_error"):
        if isinstance(said := found.get(errors), dict) and said.keys() == set(names):
            found[errors] = [said[name] for name in names]
    return found
