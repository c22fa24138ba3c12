"""Step 2: draws which clips make up which long video."""
