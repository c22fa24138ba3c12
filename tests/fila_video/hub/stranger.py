"""
What a stranger does with a published model, in a Python without this project: run by `test_stranger.py`.

    python stranger.py NAME REVISION CLIP OUTPUT

It loads every Auto class and the pipeline, runs the Python blocks of the card as they stand (the int8 weights too),
takes one step of training, saves, puts a PEFT adapter on top, asks accelerate for the memory that the model takes, uses
the commands for the cache, and prints what it found as one line of JSON.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys

import torch
from huggingface_hub import ModelCard, scan_cache_dir
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoProcessor,
    AutoVideoProcessor,
    pipeline,
)


OURS = ("configuration_fila", "fila_video", "modeling_fila", "pipeline_fila", "processing_fila")
QUESTION = "What is in the first scene?"
TASK = "video-text-to-text"


def load(name, revision):
    """The class of everything that can be loaded."""
    autos = (AutoConfig, AutoModel, AutoModelForImageTextToText, AutoModelForMultimodalLM, AutoProcessor)
    return [
        type(auto.from_pretrained(name, revision=revision, trust_remote_code=True)).__name__
        for auto in (*autos, AutoVideoProcessor)
    ]


def run_card(name):
    """Runs the Python blocks of the card, each as a program of its own. Returns their number."""
    blocks = re.findall(r"```python\n(.*?)```", ModelCard.load(name).text, re.DOTALL)
    for block in blocks:
        exec(compile(block, "card", "exec"), {"__name__": "__main__"})
    return len(blocks)


def inputs_for(processor, clip, answer):
    content = [{"type": "video", "path": clip}, {"type": "text", "text": QUESTION}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    return processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt")


def train(name, clip, folder):
    """One step of training, saved with model and processor. Returns the losses before and after it."""
    pipe = pipeline(TASK, model=name, dtype=torch.float32, trust_remote_code=True)
    model, inputs = pipe.model, inputs_for(pipe.processor, clip, "a cat")
    losses = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        loss = model(**inputs, labels=inputs["input_ids"]).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pipe.save_pretrained(folder)
    return losses


def adapt(name, clip, folder):
    """A LoRA adapter, saved and loaded again: do both give the same logits?"""
    options = {"dtype": torch.float32, "trust_remote_code": True}
    processor = AutoProcessor.from_pretrained(name, trust_remote_code=True)
    inputs = inputs_for(processor, clip, "a cat")
    model = get_peft_model(
        AutoModelForImageTextToText.from_pretrained(name, **options),
        LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False),
    ).eval()
    model.save_pretrained(folder)
    again = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(name, **options), folder).eval()
    with torch.no_grad():
        return torch.equal(model(**inputs).logits, again(**inputs).logits)


def command(module, *arguments):
    """What a command of another package prints, without colors."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return re.sub(r"\x1b\[\d*m", "", done.stdout)


def estimate(name):
    """The size of the weights in float32, as accelerate estimates it from the configuration and the code."""
    table = command("accelerate.commands.accelerate_cli", "estimate-memory", name, "--trust_remote_code")
    return re.search(r"│float32│[^│]*│ *([^│]*?) *│", table)[1]


def use_cache(name):
    """Which commits the cache has, what `hf cache verify` says, and what is left after `hf cache rm`."""
    hf = "huggingface_hub.cli.hf"
    (cached,) = [repository for repository in scan_cache_dir().repos if repository.repo_id == name]
    verified = command(hf, "cache", "verify", name)
    command(hf, "cache", "rm", f"model/{name}", "--yes")
    left = [repository.repo_id for repository in scan_cache_dir().repos]
    return {"commits": sorted(each.commit_hash for each in cached.revisions), "verified": verified, "left": left}


def main(name, revision, clip, output):
    assert [module for module in OURS if importlib.util.find_spec(module)] == []
    shutil.copy(clip, "clip.mp4")  # as the card calls it
    pipe = pipeline(TASK, model=name, revision=revision, trust_remote_code=True)
    found = {
        "classes": load(name, revision),
        "answer": pipe(clip, text=QUESTION, max_new_tokens=16)[0]["generated_text"],
        "module": type(pipe.model).__module__,
        "blocks": run_card(name),
        "losses": train(name, clip, output),
        "adapter_is_same": adapt(name, clip, f"{output}-adapter"),
        "memory": estimate(name),
        "cache": use_cache(name),  # the last: it is empty afterwards
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
