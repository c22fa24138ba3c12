"""Step 3: makes the long videos of a plan."""
