"""`aefpga import`: what it prints, and how it exits."""

import json

import numpy as np
import yaml


def test_import(call, tmp_path):
    layer = {"name": "only", "weight": "ap_fixed<4,1>", "output": "ap_fixed<6,3,AP_RND,AP_SAT>"}
    content = {"input": {"type": "ap_fixed<6,2>"}, "layers": [layer]}
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(content))
    np.savez(tmp_path / "net.npz", only_weight=np.array([[0.5], [0.375]]))
    said = call("import", "net.yaml", "--name", "theirs")
    assert "2-1" in said.stdout
    assert "aefpga csim --run theirs" in said.stderr
    assert "theirs.onnx" in call("export", "--run", "theirs", "-o", "theirs.onnx").stdout
    assert (tmp_path / "theirs.onnx").stat().st_size
    shown = json.loads(call("import", "net.yaml", "--name", "b", "--json").stdout)
    assert shown["imported"]["source"] == "net.yaml"
    assert set(shown["inputs"]) == {"net.yaml", "net.npz"}
    assert "an encoder alone" in call("evaluate", "--run", "theirs", expect=1).stderr
    np.savez(tmp_path / "net.npz", only_weight=np.array([[0.3], [0.375]]))
    assert (
        "layer only, weight: 1 of 2" in call("import", "net.yaml", "--name", "c", expect=1).stderr
    )
    assert "model.zip" in call("import", "model.zip", "--name", "d", expect=2).stderr
