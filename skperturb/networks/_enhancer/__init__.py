"""`GCNEnhancer`: what it reads of a network, and the two models that learn from it how strongly nodes respond."""
