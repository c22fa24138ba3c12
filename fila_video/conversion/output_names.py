"""Names of the formats that can be written. Importing them loads nothing heavy."""

TO_FILA_VIDEO, TO_LLAVA_ONEVISION = OUTPUT_NAMES = ("fila-video", "llava-onevision")
