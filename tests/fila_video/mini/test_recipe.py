"""The amounts, data and stages of the recipe."""

from collections import Counter
from dataclasses import replace

import pytest

from fila_video.mini.recipe import LARGE, NUM_FRAMES_OF, ORDER, STAGES, Recipe, data_plans
from fila_video.training.stage_config import load_stage
from fila_video.world.make_data import sample_of
from fila_video.world.video_kinds import ON_FRAMES


@pytest.mark.parametrize("stage", [stage for stage, *_ in ORDER])
def test_every_stage_is_one_of_the_papers(stage):
    """Each file extends the stage of the paper that it stands for, and trains no further parts."""
    given = ["model=m", "output=o", "data.sources=[{path: x}]"]
    loaded = load_stage(STAGES / f"{stage}.yaml", given)
    shipped = {"language": "knowledge_injection", "image_alignment": "alignment"}
    shipped |= {"image_knowledge": "knowledge_injection", "image_questions": "image_instruction"}
    paper = load_stage(shipped.get(stage, "video_instruction"), given)
    trained = {part for part, rate in loaded.learning_rates.items() if rate}
    assert trained <= {part for part, rate in paper.learning_rates.items() if rate}
    assert loaded.schedule == paper.schedule == "cosine"


def test_short_videos_change_on_the_frames_that_are_sampled():
    loaded = load_stage(STAGES / "videos_short.yaml", ["model=m", "output=o", "data.sources=[{path: x}]"])
    frames = (loaded.data.num_frames, loaded.model_options["num_frames"], loaded.model_options["num_scenes"])
    assert frames == (ON_FRAMES.changes_on_frames,) * 3


def test_a_share_shrinks_everything():
    whole, recipe = Recipe(tower_steps=3000, usual_videos=7000), Recipe(tower_steps=3000, usual_videos=7000).scaled(0.1)
    assert (recipe.tower_steps, recipe.usual_videos) == (300, 700)
    assert (recipe.seed, recipe.question_sets) == (whole.seed, whole.question_sets)
    assert Recipe().scaled(1e-9).pictures == 16
    assert LARGE.scaled(1e-9).pictures == 3 * LARGE.batch_size


@pytest.mark.parametrize("recipe", [Recipe(), LARGE], ids=["small", "large"])
def test_videos_have_the_questions_that_the_recipe_wants(recipe):
    """Types that are named twice have more questions. Short videos have no questions about motion."""
    plans = data_plans(recipe)
    assert list(plans) == [name for stage, names in ORDER for name in names if stage.startswith("videos")]
    for name, plan in plans.items():
        assert plan.more_wordings == name.startswith("reworded")
        assert NUM_FRAMES_OF.get(name) == (96 if plan.options.events[1] else None)
        asked = [question.type for number in range(8) for question in sample_of(plan, number)[1]]
        assert len(asked) == 8 * plan.questions_per_video
        assert ("motion" in asked) == ("absent" in asked) == (name != "short")
    usual = replace(plans["usual"], types=None)
    more, all_once = (
        Counter(question.type for number in range(20) for question in sample_of(plan, number)[1])
        for plan in (plans["usual"], usual)
    )
    assert all(more[name] > all_once[name] for name in recipe.named_twice)
