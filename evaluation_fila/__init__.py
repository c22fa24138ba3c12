"""A small world whose videos have complete ground truth, and what a model is asked and scored on there."""
