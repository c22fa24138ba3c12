"""The kinds of drawn videos that the small model is trained on and measured with."""

from dataclasses import replace

from .world_options import WorldOptions


# Objects that share a scene are the hardest to distinguish, so the training shows pairs more often than questions need.
PAIRS = 0.4
SHORT = WorldOptions(scenes=(1, 3), seconds=(4.0, 12.0), shortest_share=0.2)
# Everything begins on one of the 24 frames that `videos_short.yaml` samples, at irregular times. The model has to read
# these times in the prompt; from evenly spaced frames it would learn to estimate them (docs/log.md).
ON_FRAMES = replace(SHORT, changes_on_frames=24, uneven=True, pair_probability=PAIRS)
USUAL = WorldOptions(scenes=(1, 5), seconds=(8.0, 16.0), shortest_share=0.125)
UNEVEN = replace(USUAL, changes_on_frames=48, uneven=True, pair_probability=PAIRS)
EVENTS = WorldOptions(scenes=(3, 5), seconds=(16.0, 24.0), events=(1, 2), shortest_share=0.1)
LONG = replace(EVENTS, seconds=(16.0, 96.0))
