"""Words of a fixed rate for a trigger link."""
