"""Trains a small tokenizer like Qwen2's: byte-level BPE with Qwen2's pre-tokenization and special tokens."""

from collections.abc import Iterable

from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer


PLACEHOLDERS = ("<image>", "<video>")
# Qwen2's special tokens, then the placeholders, in the order in which LLaVA-OneVision appends them.
SPECIAL_TOKENS = ("<|im_start|>", "<|im_end|>", *PLACEHOLDERS)

# Makes the frequent words of questions about a video one token each. Any other text is encoded exactly, as bytes.
CORPUS = (
    "You are a helpful assistant. user system assistant",
    "This video samples frames of a second video at seconds.",
    "What happens in the video? What is shown first? What is shown last? What happens then?",
    "Describe the video in detail. Describe what you see, scene by scene, in the order of time.",
    "When does the person appear? At which second does the dog run? How long does the scene last?",
    "How many scenes are there? How many people, cars, animals or objects are in the video?",
    "Which colour is the ball? Where does the man stand, on the left, on the right or in the middle?",
    "Does the woman walk before or after the cut? Who is in the room, and why do they move to the door?",
    "There is a red square, a blue circle, a green triangle and a yellow star on a white background.",
    "Please answer with the letter of the correct option only. The answer is yes. The answer is no.",
    "Someone pours coffee into a cup. A dog plays in the garden. A juggler throws three balls into the air.",
    "The camera moves slowly over the city, the river, the mountains, the beach and the street at night.",
    "It starts with a title, shows an interview, and ends with the names of the people who made it.",
)


def train_tokenizer(vocab_size: int = 1024) -> Qwen2Tokenizer:
    """
    Trains a tokenizer that has `<image>` and `<video>`. Every call returns the same tokenizer.

    Args:
        vocab_size: Largest number of tokens.
    """
    # With padding on the left, prompts of unequal length end at the same position, where generation continues.
    untrained = Qwen2Tokenizer(eos_token="<|im_end|>", padding_side="left", model_max_length=32768)
    return untrained.train_new_from_iterator(
        CORPUS, vocab_size=vocab_size, new_special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )


def token_ids(tokenizer: PreTrainedTokenizerBase, tokens: Iterable[str]) -> list[int]:
    """Returns the id of each token, in the same order."""
    ids = tokenizer.convert_tokens_to_ids(list(tokens))
    assert isinstance(ids, list)
    return ids
