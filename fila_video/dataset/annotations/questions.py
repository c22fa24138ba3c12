"""Questions about a long video that the captions of its scenes answer.

They are an addition and not from the paper. Therefore they are written to a separate file, and each record says so.

There are four kinds, which take turns: what happens at second t; what comes right after a scene; what comes right
before it; in which order three scenes appear.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ..scene import Scene


ORIGIN = "Derived from scene captions by fila_video.dataset; not from the FiLA-Video paper."
LETTERS = "ABC"
Asked = tuple[str, str]


def ask(scenes: Sequence[Scene], count: int, generator: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yields up to `count` questions about a video, as (kind, question, answer).

    Questions refer only to scenes whose opening sentence is unique in the video. If there are too few of them, there
    are fewer questions.

    Args:
        scenes: All scenes of the video, in order.
        count: Largest number of questions.
        generator: Draws the scenes.
    """
    openings = Counter(opening(scene) for scene in scenes)
    places = [place for place, scene in enumerate(scenes) if openings[opening(scene)] == 1]
    kinds = [kind for kind, (_, needed) in KINDS.items() if len(places) >= needed]
    seen: set[str] = set()
    for number in range(count if kinds else 0):
        kind = kinds[number % len(kinds)]
        question, reply = KINDS[kind][0](scenes, places, generator)
        if question not in seen:
            seen.add(question)
            yield kind, question, reply


def opening(scene: Scene) -> str:
    """Returns the first sentence of a caption. Questions refer to a scene by it."""
    end = scene.caption.find(". ")
    return scene.caption[: end + 1] if end >= 0 else scene.caption


def _at_second(scenes: Sequence[Scene], places: list[int], generator: random.Random) -> Asked:
    scene = scenes[generator.choice(places)]
    # Away from the cuts, so that the question is not about a single frame next to one.
    second = scene.start + (scene.end - scene.start) * generator.uniform(0.1, 0.9)
    return f"What happens at {second:.1f} seconds?", scene.caption


def _after(scenes: Sequence[Scene], places: list[int], generator: random.Random) -> Asked:
    place = generator.choice([place for place in places if place + 1 < len(scenes)])
    return f'What comes right after this scene: "{opening(scenes[place])}"', scenes[place + 1].caption


def _before(scenes: Sequence[Scene], places: list[int], generator: random.Random) -> Asked:
    place = generator.choice([place for place in places if place > 0])
    return f'What comes right before this scene: "{opening(scenes[place])}"', scenes[place - 1].caption


def _order(scenes: Sequence[Scene], places: list[int], generator: random.Random) -> Asked:
    chosen = generator.sample(places, 3)
    listed = "\n".join(f"{letter}. {opening(scenes[place])}" for letter, place in zip(LETTERS, chosen, strict=True))
    order = ", ".join(letter for _, letter in sorted(zip(chosen, LETTERS, strict=True)))
    return f"In which order do these scenes appear? Answer with the letters.\n{listed}", f"{order}."


# For each kind: the function that asks, and how many scenes with a unique opening it needs. Of two scenes, at least one
# has a scene after it, and at least one has a scene before it.
KINDS: dict[str, tuple[Callable[[Sequence[Scene], list[int], random.Random], Asked], int]] = {
    "at_second": (_at_second, 1),
    "after": (_after, 2),
    "before": (_before, 2),
    "order": (_order, 3),
}
