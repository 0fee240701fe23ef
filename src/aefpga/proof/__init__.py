"""Proof that Verilog computes the words of a specification, whatever its inputs are."""
