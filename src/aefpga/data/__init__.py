"""Jets: from ROOT files and simulation, selected and split."""
