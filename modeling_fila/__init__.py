"""The FiLA-Video model. Importing this package makes it known to transformers' Auto classes and to `pipeline()`."""

from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoModelForMultimodalLM

from .configuration_fila import FilaVideoConfig
from .modeling_fila_video import FilaVideoForConditionalGeneration, FilaVideoModel, FilaVideoPreTrainedModel
from .outputs import FilaImageFeatures, FilaVideoFeatures
from .pipeline_fila import VideoTextToTextPipeline


AutoConfig.register(FilaVideoConfig.model_type, FilaVideoConfig)
AutoModel.register(FilaVideoConfig, FilaVideoModel)
AutoModelForImageTextToText.register(FilaVideoConfig, FilaVideoForConditionalGeneration)
AutoModelForMultimodalLM.register(FilaVideoConfig, FilaVideoForConditionalGeneration)

__all__ = [
    "FilaImageFeatures",
    "FilaVideoConfig",
    "FilaVideoFeatures",
    "FilaVideoForConditionalGeneration",
    "FilaVideoModel",
    "FilaVideoPreTrainedModel",
    "VideoTextToTextPipeline",
]
