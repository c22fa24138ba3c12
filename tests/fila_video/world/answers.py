"""An independent way to the answers: only from the ground truth in JSON and the words of the question."""

import re
from collections import Counter

from fila_video.world.vocabulary import OBJECT_COLOURS, SHAPES


NAMED = re.compile(rf"\b({'|'.join(OBJECT_COLOURS)}) ({'|'.join(SHAPES)})\b")


def answer_from(truth: dict, question_type: str, text: str) -> str:
    scenes = truth["scenes"]
    everything = [(scene, item) for scene in scenes for item in scene["objects"]]
    named = NAMED.findall(text)
    found = [(scene, item) for scene, item in everything for name in named if (item["colour"], item["shape"]) == name]
    if question_type == "existence":
        return "yes" if found else "no"
    if question_type == "absent":
        assert not found
        return "It is not in the video."
    if question_type == "order":
        assert len(found) == 2
        earlier = min((item for _, item in found), key=lambda item: item["enter_seconds"])
        return f"the {earlier['colour']} {earlier['shape']}"
    if question_type in ("before", "after"):
        place = scenes.index(found[0][0]) + (1 if question_type == "after" else -1)
        assert place >= 0
        return shown(scenes[place]["objects"])
    if question_type == "at_second":
        second = int(re.search(r"\d+", text)[0])
        return shown([item for _, item in everything if item["enter_seconds"] <= second < item["leave_seconds"]])
    if question_type == "shape":
        return next(item["shape"] for _, item in everything if re.search(rf"\b{item['colour']}\b", text))
    if question_type == "colour":
        (shape,) = (shape for shape in SHAPES if re.search(rf"\b{shape}\b", text))
        assert Counter(item["shape"] for _, item in everything)[shape] == 1
        return next(item["colour"] for _, item in everything if item["shape"] == shape)
    if question_type == "caption":
        return ", ".join(f"at {scene['start_seconds']:.1f} seconds {shown(scene['objects'])}" for scene in scenes)
    in_order = sorted((item for _, item in everything), key=lambda item: item["enter_seconds"])
    if question_type == "colours":
        return ", ".join(f"the {item['shape']} is {item['colour']}" for item in in_order)
    if question_type == "entries":
        return ", ".join(f"{shown([item])} at {item['enter_seconds']:.1f} seconds" for item in in_order)
    whole = {
        "first": lambda: shown(scenes[0]["objects"]),
        "last": lambda: shown(scenes[-1]["objects"]),
        "count_scenes": lambda: f"{len(scenes)}",
        "count_objects": lambda: f"{len(everything)}",
    }
    if question_type in whole:
        return whole[question_type]()
    scene, item = found[0]
    return {
        "background": scene["background"],
        "texture": scene["texture"],
        "motion": item["motion"],
        "when": f"{item['enter_seconds']:.1f} seconds",
        "duration": f"{item['leave_seconds'] - item['enter_seconds']:.1f} seconds",
    }[question_type]


def shown(objects: list[dict]) -> str:
    names = [f"{item['colour']} {item['shape']}" for item in objects]
    return " and ".join(f"{'an' if name.startswith('orange') else 'a'} {name}" for name in names)
