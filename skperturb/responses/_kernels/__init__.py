"""`KernelPerturbationRegressor`: kernels between genes and between combinations, and the regressions on them."""
