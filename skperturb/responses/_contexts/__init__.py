"""Cell lines, batches and other contexts in which the same genes are perturbed."""
