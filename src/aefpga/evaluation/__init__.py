"""Judging reconstructed records: in normalised and physical units, beside float truncation."""
