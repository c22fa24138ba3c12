"""Step 6: checks a dataset before training."""
