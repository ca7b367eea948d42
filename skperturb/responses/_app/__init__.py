"""`APPRegressor`, from what it corrects (baseline) to how far the correction is believed (correction)."""
