"""The verbs, as functions, a file each; the command line only calls these."""
