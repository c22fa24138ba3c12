"""Caption files: both formats, captions distinguished from questions, and a reason for every unused record."""

import json

import pytest

from fila_video.dataset.clips.read_captions import CaptionedClip, Rejected, is_caption, read_captioned_clips
from tests.fila_video.dataset.coded_clips import write_lines


LONG = (
    "The video shows a person in a kitchen who takes a knife, cuts an onion on a wooden board, and puts it in a pan. "
    * 2
)
# A record as in the files of LLaVA-Video-178K.
MULTIPLE_CHOICE = {
    "id": "101-zukEQgbWdsY-split_2",
    "conversations": [
        {
            "from": "human",
            "value": "<image>\nWhat is cut first?\nA. An onion.\nB. A carrot.\nC. Bread.\nD. Meat.\n"
            "Please respond with only the letter of the correct answer.",
        },
        {"from": "gpt", "value": "A."},
    ],
    "data_source": "0_30_s_academic_v0_1",
    "video": "academic_source/youcook2/101/zukEQgbWdsY/split_2.mp4",
}


def exchange(*texts: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(texts)]


def llava(video: str, *texts: str) -> dict:
    return {"id": video, "video": video, "data_source": "academic", "conversations": exchange(*texts)}


@pytest.mark.parametrize(
    "texts, expected",
    [
        (("<image>\nPlease provide a detailed description of the video.", LONG), True),
        (("Could you share a comprehensive rundown of the presented clip?\n<image>", LONG), True),
        (("<image>\nUnpack the scene.", LONG * 3), True),
        (("<image>\nDescribe the colour of the shirt.", "It is red."), False),
        (("<image>\nWhat does the person cut?", "The person in the kitchen cuts an onion on a wooden board."), False),
        (("<image>\nWhat is cut first?\nA. An onion.\nB. A carrot.\nDescribe your choice.", LONG), False),
        (("<image>\nDescribe the video.", LONG, "And then?", LONG), False),
        (("<image>\nDescribe the video.",), False),
    ],
)
def test_captions_are_distinguished_from_questions(texts, expected):
    assert is_caption(exchange(*texts)) is expected


def test_llava_records_and_plain_lines_in_one_run(tmp_path):
    (tmp_path / "cap.json").write_text(
        json.dumps([llava("a.mp4", "<image>\nDescribe it.", LONG + "\nLast line."), MULTIPLE_CHOICE])
    )
    plain = write_lines(
        tmp_path / "plain.jsonl",
        [
            {"video": "b.mp4", "caption": "Short words are fine here."},
            {"video": "a.mp4", "caption": "The same video again."},
            {"video": "../secret.mp4", "caption": "Elsewhere."},
            {"video": "/etc/c.mp4", "caption": "Elsewhere."},
        ],
    )
    assert list(read_captioned_clips([tmp_path / "cap.json", plain])) == [
        CaptionedClip("a.mp4", f"{LONG.strip()} Last line.", "academic"),
        Rejected(MULTIPLE_CHOICE["video"], "a question, not a caption"),
        CaptionedClip("b.mp4", "Short words are fine here.", "clips"),
        Rejected("a.mp4", "the same video already has a caption"),
        Rejected("../secret.mp4", "the path leads out of the video root"),
        Rejected("/etc/c.mp4", "the path leads out of the video root"),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"video": "a.mp4", "caption": "x"}\n{"video": ', "line 2 is not JSON"),
        ("[1, 2", "is not JSON"),
        ("[1]", "record 1 is not a JSON object: '1'"),
        ('{"caption": "x"}', r"record 1 does not name a video: it has the keys \['caption'\]"),
        ('{"video": "a.mp4", "caption": "  "}', r"record 1 \(a.mp4\) has no conversations and no caption"),
        ('{"video": "a.mp4", "conversations": [{"from": "human"}]}', "conversations must be a list of"),
    ],
)
def test_other_files_are_an_error_with_file_and_record(tmp_path, text, message):
    path = tmp_path / "captions.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"captions.json.*{message}"):
        list(read_captioned_clips([path]))
