"""The tokenizer of the small model, made for the words and numbers of the drawn world."""

from transformers import AddedToken, Qwen2Tokenizer

from fila_video.conversion.tokenizer import SPECIAL_TOKENS
from fila_video.world.splits import draw_sample


VOCABULARY = 512
CORPUS_VIDEOS = 400
SENTENCE = (
    "You are a helpful assistant. user system assistant This video samples frames of a -second video. <3.2 seconds>"
)
# A time is two tokens, "12" and ".4", both in prompts and in answers, and " seconds>" is one. A scene then takes five
# tokens of the prompt; with separate digits it would take eight.
WHOLE_NUMBERS = tuple(str(number) for number in range(10, 100))
TENTHS = tuple(f".{digit}" for digit in range(10))
AFTER_TIME = " seconds>"


def mini_tokenizer() -> Qwen2Tokenizer:
    """
    A tokenizer of Qwen2's kind, trained on the questions and answers of the training split, with tokens for numbers.

    It is the same on every call.
    """
    samples = [draw_sample("train", number, num_questions=14) for number in range(CORPUS_VIDEOS)]
    corpus = [text for _, asked in samples for question in asked for text in (question.text, question.answer)]
    untrained = Qwen2Tokenizer(eos_token="<|im_end|>", padding_side="left", model_max_length=4096)
    tokenizer = untrained.train_new_from_iterator(
        [*corpus, *[SENTENCE] * CORPUS_VIDEOS],
        vocab_size=VOCABULARY,
        new_special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    # Whole words only: "2012" stays four digits.
    tokenizer.add_tokens([AddedToken(text, single_word=True, normalized=False) for text in WHOLE_NUMBERS])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in (*TENTHS, AFTER_TIME)])
    return tokenizer
