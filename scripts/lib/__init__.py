"""What scripts share, split by subject; one wing a pipeline."""
