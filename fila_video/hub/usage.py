"""How a published model is used: the part of its card that comes first."""

from modeling_fila.model_card import USAGE_BEGIN, USAGE_END


# What setup.cfg asks for, as far as a published model needs it. A test holds them equal.
PACKAGES = "torch torchvision 'transformers>=5.17,<6' accelerate 'av>=17.1,<19' pillow"

TEXT = """\
## How to use it

    pip install PACKAGES

`trust_remote_code=True` runs the code of this repository on your machine. Read the code, and load the version that you
have read: add `revision="..."` with the hash of its commit to each call below.

```python
from transformers import pipeline

pipe = pipeline("video-text-to-text", model="REPOSITORY", trust_remote_code=True)
answer = pipe("clip.mp4", text="QUESTION", return_scenes=True, max_new_tokens=64)[0]
print(answer["generated_text"])
print([round(scene["representative_seconds"], 1) for scene in answer["scenes"]])  # the scenes that the model saw
```

<details><summary>Model and processor</summary>

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("REPOSITORY", dtype="auto", trust_remote_code=True)
processor = AutoProcessor.from_pretrained("REPOSITORY", trust_remote_code=True)
content = [{"type": "video", "path": "clip.mp4"}, {"type": "text", "text": "QUESTION"}]
inputs = processor.apply_chat_template(
    [{"role": "user", "content": content}],
    tokenize=True,
    add_generation_prompt=True,
    return_dict=True,
    return_tensors="pt",
).to(model.device)
output = model.generate(**inputs, max_new_tokens=64)
print(processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
```

</details>

<details><summary>Several turns</summary>

```python
from transformers import pipeline

pipe = pipeline("video-text-to-text", model="REPOSITORY", trust_remote_code=True)
content = [{"type": "video", "video": "clip.mp4"}, {"type": "text", "text": "QUESTION"}]
messages = pipe([{"role": "user", "content": content}], return_full_text=True, max_new_tokens=64)[0]["generated_text"]
messages.append({"role": "user", "content": [{"type": "text", "text": "And after that?"}]})
print(pipe(messages, max_new_tokens=64)[0]["generated_text"])
```

</details>

<details><summary>int8 weights</summary>

    pip install optimum optimum-quanto

```python
import torch
from transformers import AutoConfig, QuantoConfig, pipeline

config = AutoConfig.from_pretrained("REPOSITORY", trust_remote_code=True)
quantization = QuantoConfig(weights="int8", modules_to_not_convert=config.modules_to_not_quantize)
pipe = pipeline(
    "video-text-to-text",
    model="REPOSITORY",
    dtype=torch.bfloat16,
    model_kwargs={"quantization_config": quantization},
    trust_remote_code=True,
)
print(pipe("clip.mp4", text="QUESTION", max_new_tokens=64)[0]["generated_text"])
```

</details>

<details><summary>vLLM</summary>

```bash
vllm serve REPOSITORY --trust-remote-code --model-impl transformers \\
    --media-io-kwargs '{"video": {"num_frames": NUM_FRAMES}}' --skip-mm-profiling
```

</details>

<details><summary>Command line</summary>

In an environment with the package `fila-video`:

```bash
fila-video ask clip.mp4 "QUESTION" --model REPOSITORY
```

</details>

<details><summary>Inference Endpoints</summary>

`handler.py` answers requests such as this one. The video may also be base64.

```json
{"inputs": {"video": "https://example.org/clip.mp4", "text": "QUESTION"}, "parameters": {"return_scenes": true}}
```

</details>"""


def full_usage(repository: str, question: str, num_frames: int) -> str:
    """Says how a published model is used in all ways.

    Args:
        repository: Id of the model on the Hub.
        question: A question that the model can answer, without double quotes.
        num_frames: Number of frames that the model samples.
    """
    values = {"PACKAGES": PACKAGES, "REPOSITORY": repository, "QUESTION": question, "NUM_FRAMES": str(num_frames)}
    text = TEXT
    for name, value in values.items():
        text = text.replace(name, value)
    return f"{USAGE_BEGIN}\n{text}\n{USAGE_END}"
