"""Questions about a long video that its scene captions answer. Not from the paper: an addition, written to a file of
its own and marked in every record.

Four kinds in turn: what happens at second t; what comes right after a scene, or right before it; in which order three
scenes appear.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from .timeline import Scene


ORIGIN = "Derived from scene captions by dataset_fila; not from the FiLA-Video paper."
LETTERS = "ABC"
Asked = tuple[str, str]


def ask(scenes: Sequence[Scene], count: int, generator: random.Random) -> Iterator[tuple[str, str, str]]:
    """(kind, question, answer), up to `count`; fewer where a video has too few scenes that can be told apart.

    Only scenes whose opening sentence no other scene of the video shares are asked about.
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
    """The first sentence of a caption, by which a scene is named in a question."""
    end = scene.caption.find(". ")
    return scene.caption[: end + 1] if end >= 0 else scene.caption


def _at_second(scenes: Sequence[Scene], places: list[int], generator: random.Random) -> Asked:
    scene = scenes[generator.choice(places)]
    # Well inside the scene: nobody is asked about a single frame at a cut.
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


# Kind: how it is asked, and how many scenes that can be told apart it needs (two: one of them has a neighbour).
KINDS: dict[str, tuple[Callable[[Sequence[Scene], list[int], random.Random], Asked], int]] = {
    "at_second": (_at_second, 1),
    "after": (_after, 2),
    "before": (_before, 2),
    "order": (_order, 3),
}
