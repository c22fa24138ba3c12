"""From files of records to batches.

Reading order: `data_config.py`, `records.py` and `sources.py` (files become rows), `training_dataset.py` (sources
become one data set), `source_check.py` (each source can be read), `batch_sampler.py` (the order of samples),
`load_sample.py` and `load_image.py` (media are read), `collator.py` (samples become a batch), `skipping_collator.py`
and `skipped_samples.py` (what happens to samples that cannot be used).
"""
