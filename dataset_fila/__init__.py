"""Long videos from short captioned ones (section 3.3 of the paper). `python -m dataset_fila --help`."""
