"""`GNEEmbedder`, from the training of one network to the classifier behind all folds."""
