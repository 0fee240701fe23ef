"""Records to tables of integers, to bytes, to files, and back, without TensorFlow."""
