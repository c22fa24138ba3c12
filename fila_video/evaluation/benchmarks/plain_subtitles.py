"""VideoMME with the subtitles of any SRT file: lmms-eval's task keeps only text inside one kind of font tag.

The prompt is that of lmms-eval's task, with the same lines of the same frames. Only where these lines have no such tag
are they kept without any tags, instead of being dropped.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np


TASK = "videomme_w_any_subtitle"
STOCK = "videomme_w_subtitle"
HEAD = "This video's subtitles are listed below: \n"


def make_task(model_name: str) -> dict[str, Any]:
    """Returns the task by its name."""
    from lmms_eval.api.task import ConfigurableMessagesTask
    from lmms_eval.tasks.videomme import utils
    from lmms_eval.utils import load_yaml_config

    config = load_yaml_config(yaml_path=str(Path(utils.__file__).with_name(f"{STOCK}.yaml")))
    config |= {"task": TASK, "doc_to_text": doc_to_text}
    return {TASK: ConfigurableMessagesTask(config=config, model_name=model_name)}


def doc_to_text(doc: dict[str, Any], lmms_eval_specific_kwargs: dict[str, Any]) -> str:
    """Returns the prompt of a document, as lmms-eval's tasks ask for it."""
    from lmms_eval.tasks.videomme import utils

    prompt = utils.videomme_doc_to_text_subtitle(doc, lmms_eval_specific_kwargs)
    if not prompt.startswith(f"{HEAD}\n"):  # there are lines, or the sentence that there are none
        return prompt
    folder = Path(utils.base_cache_dir) / utils.cache_name
    video, file = utils.videomme_doc_to_visual(doc)[0], folder / "subtitle" / f"{doc['videoID']}.srt"
    lines, num_frames = utils.extract_subtitles(video, str(file))
    shown = np.linspace(0, num_frames - 1, lmms_eval_specific_kwargs["frame_num"], dtype=int)
    texts = [plain(text) for start, end, text in lines if ((shown >= start) & (shown < end)).any()]
    return HEAD + "\n".join(filter(None, texts)) + prompt.removeprefix(HEAD)


def plain(text: str) -> str:
    """Returns a line of subtitles without tags."""
    return re.sub(r"<[^>]*>|\{\\[^}]*\}", "", text).strip()
