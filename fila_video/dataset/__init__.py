"""Makes long training videos from short captioned clips (section 3.3 of the paper).

The folders, in the order in which a dataset passes through them:

1. `clips/`: read the captions, open every clip, and keep the usable ones (the pool).
2. `planning/`: draw which clips make up which long video, and write the plan.
3. `joining/`: make the long videos of the plan.
4. `annotations/`: write the training samples: captions with timestamps, and questions.
5. `report/`: describe the dataset: dataset card, statistics, plots.
6. `validation/`: check a finished dataset before training.

`commands.py` runs these steps for `python -m fila_video.dataset`. `join_dataset.py` does steps 3 and 4 and writes the
dataset card. `scene.py` has the type that they share.
"""
