"""Step 5: describes the dataset: dataset card, statistics and plots."""
