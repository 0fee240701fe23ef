"""Judging reconstructed jets: in normalised units, in physical units, beside float truncation."""
