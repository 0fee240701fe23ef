"""Float networks: as ONNX files, and run."""
