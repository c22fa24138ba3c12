"""Step 1: reads the captions, opens every clip, and keeps the usable ones."""
