"""The tokenizer of the small model: few tokens, exact round trips, and the same tokens for times everywhere."""

from fila_video.mini.tokenizer import mini_tokenizer
from fila_video.world.splits import draw_sample
from processing_fila.scene_times import tokenize_times


def test_the_tokenizer_is_short_and_exact():
    tokenizer = mini_tokenizer()
    _, asked = draw_sample("test", 3, num_questions=14)
    for text in (*(question.text for question in asked), *(question.answer for question in asked), "Übrigens: 42 %"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.tokenize("<13.2 seconds><video>") == ["<", "13", ".2", " seconds>", "<video>"]
    assert tokenizer.tokenize("2012") == ["2", "0", "1", "2"]
    assert len(tokenizer.encode("What is in the first scene?")) <= 8


def test_times_have_the_same_tokens_in_prompts_and_answers():
    """A time can be copied as it is, without leading zeros."""
    tokenizer = mini_tokenizer()
    seconds = [0.0, 3.2, 12.3, 95.0]
    assert tokenizer.batch_decode(tokenize_times(tokenizer, seconds, 95.1)) == ["0.0", "3.2", "12.3", "95.0"]
