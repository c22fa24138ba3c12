"""`from pipeline_fila import VideoTextToTextPipeline`; importing it makes the task known to `pipeline()`."""

from modeling_fila import VideoTextToTextPipeline


__all__ = ["VideoTextToTextPipeline"]
