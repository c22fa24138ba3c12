"""Prompts about random videos, for a small model with 4 scenes."""

from tests.models import left_padded, prompt, random_videos


BEFORE, AFTER = [5, 6, 7], [8, 9, 10, 11]


def num_tokens(num_frames, num_scenes=4):
    """3 x 3 patches pooled to 2 x 2, and one newline."""
    return 4 * min(num_frames, num_scenes) + 1


def model_inputs(*num_frames, questions=None):
    """A prompt for each video, with questions of unequal length."""
    pixels, mask = random_videos(*num_frames)
    questions = questions or [AFTER[: 1 + index] for index in range(len(num_frames))]
    prompts = [
        prompt(BEFORE, num_tokens(count), question) for count, question in zip(num_frames, questions, strict=True)
    ]
    return {**left_padded(*prompts), "pixel_values_videos": pixels, "video_frame_mask": mask}
