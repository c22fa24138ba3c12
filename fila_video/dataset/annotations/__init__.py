"""Step 4: writes the training samples: captions with timestamps, and questions."""
