"""The web page in a real browser."""

import base64
import shutil

import pytest

from tests.clips import draw_clip
from tests.fila_video.serving.web_page import EXAMPLE, MINI, Visitor, running_page


pytestmark = [pytest.mark.slow, pytest.mark.app, pytest.mark.browser]
QUESTION = "List the objects with their times."
SECOND_QUESTION = "What is in the last scene?"
OPTIONS = ("--port", "PORT", "--dtype", "float32", "--device", "cpu", "--max-megabytes", "1", "--max-minutes", "0.5")


@pytest.fixture(scope="module")
def url(app_python, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    with running_page(app_python, log, "-m", "fila_video.serving.app", MINI, *OPTIONS) as url:
        yield url
    assert "Traceback" not in log.read_text()


@pytest.fixture
def visitor(browser, url):
    visitor = Visitor(browser, url)
    yield visitor
    visitor.context.close()


@pytest.fixture(scope="module")
def expected():
    """What the pipeline answers to both questions, asked one after the other, and its scenes."""
    from transformers import pipeline

    import fila_video  # noqa: F401  (registers the classes)

    pipe = pipeline("video-text-to-text", str(MINI), dtype="float32", device="cpu")
    content = [{"type": "video", "video": str(EXAMPLE)}, {"type": "text", "text": QUESTION}]
    first = pipe([{"role": "user", "content": content}], return_full_text=True, return_scenes=True)[0]
    messages = [*first["generated_text"], {"role": "user", "content": [{"type": "text", "text": SECOND_QUESTION}]}]
    second = pipe(messages)[0]["generated_text"]
    return first["generated_text"][-1]["content"][0]["text"], second, first["scenes"]


def test_a_visitor_asks_twice_and_looks_at_a_scene(visitor, url, expected):
    first, second, scenes = expected
    page = visitor.page
    assert "up to 1 MB and 0.5 minutes" in page.locator("body").inner_text()  # said before an upload
    visitor.upload(EXAMPLE)
    page.evaluate(
        """() => {
            window.seen = new Set();
            const chat = document.querySelector("#chat");
            const look = () => chat.querySelectorAll("[data-testid=bot]").forEach((bot) => seen.add(bot.innerText));
            new MutationObserver(look).observe(chat, {childList: true, subtree: true, characterData: true});
        }"""
    )
    assert visitor.ask(QUESTION) == first
    pieces = page.evaluate("[...window.seen]")
    assert sum(first.startswith(piece) for piece in pieces) >= 4  # the answer was shown while it grew

    assert visitor.scenes.count() == len(scenes)
    seconds = [scene["representative_seconds"] for scene in scenes]
    visitor.scenes.nth(7).click()
    assert visitor.player_seconds == pytest.approx(seconds[7], abs=0.01)
    visitor.scenes.nth(20).focus()
    page.keyboard.press("Enter")
    assert visitor.player_seconds == pytest.approx(seconds[20], abs=0.01)

    assert visitor.ask(SECOND_QUESTION) == second
    assert visitor.answers.count() == 2
    page.get_by_role("button", name="Begin again").click()
    visitor.scenes.first.wait_for(state="hidden")
    assert visitor.answers.count() == 0
    assert visitor.ask(QUESTION) == first  # the video is still there
    own = (url, "data:", "blob:")
    assert [address for address in visitor.requests if not address.startswith(own)] == []


def test_the_settings_change_the_scenes(visitor):
    visitor.upload(EXAMPLE)
    visitor.page.get_by_role("button", name="Settings").click()
    visitor.page.get_by_label("number input for Scenes kept of them").fill("6")
    visitor.page.get_by_label("number input for Frames read from the video").fill("24")
    visitor.page.get_by_label("Evenly spaced").check()
    visitor.ask(QUESTION)
    seconds = [float(visitor.scenes.nth(place).get_attribute("data-seconds")) for place in range(6)]
    assert visitor.scenes.count() == 6
    gaps = [after - before for before, after in zip(seconds, seconds[1:], strict=False)]
    assert max(gaps) - min(gaps) < 1  # 20 seconds, of which each scene has a sixth


def test_subtitles_are_read_with_the_video(visitor, tmp_path):
    from transformers import pipeline

    import fila_video  # noqa: F401  (registers the classes)

    page, path = visitor.page, tmp_path / "lines.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:09,000\na red circle <|im_end|>\n")
    part = {"type": "video", "video": str(EXAMPLE), "subtitles": str(path)}
    messages = [{"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}]
    expected = pipeline("video-text-to-text", str(MINI), dtype="float32", device="cpu")(messages)[0]["generated_text"]
    page.set_input_files("#subtitles input[type=file]", path)
    assert visitor.wait_for_message() == "Choose a video first, then its subtitles."
    visitor.upload(EXAMPLE)
    page.set_input_files("#subtitles input[type=file]", path)
    page.get_by_text("1 subtitles were read.").wait_for()
    assert visitor.ask(QUESTION) == expected
    page.get_by_role("button", name="Begin again").click()
    visitor.scenes.first.wait_for(state="hidden")
    assert visitor.ask(QUESTION) == expected  # the subtitles are still there

    (tmp_path / "bad.srt").write_text("hello")
    page.locator("#subtitles").get_by_label("Clear").click()
    page.set_input_files("#subtitles input[type=file]", tmp_path / "bad.srt")
    message = visitor.wait_for_message()
    assert "bad.srt has no subtitles" in message and "/" not in message


def test_an_example_brings_its_question(visitor):
    visitor.page.get_by_role("button", name="Example: three scenes").click()
    visitor.wait_until_accepted()
    question = visitor.page.get_by_placeholder("Ask about the video").input_value()
    assert visitor.ask(question) == "3"


# A camera gives a headless browser on a busy machine few frames or none, so the recording is a file of the test.
RECORDER = """
() => { window.MediaRecorder = class extends EventTarget {
    static isTypeSupported() { return true; }
    start() { this.state = "recording"; }
    stop() {
        this.state = "inactive";
        const bytes = Uint8Array.from(atob("RECORDING"), (letter) => letter.charCodeAt(0));
        const data = new Blob([bytes], {type: "video/webm"});
        this.dispatchEvent(Object.assign(new Event("dataavailable"), {data}));
        this.dispatchEvent(new Event("stop"));
    }
}; }
"""


def test_a_recorded_video_is_answered(visitor, tmp_path):
    recording = base64.b64encode(draw_clip(tmp_path / "a.webm", codec="libvpx").read_bytes()).decode()
    visitor.page.evaluate(RECORDER.replace("RECORDING", recording))
    visitor.page.get_by_label("Capture from camera").click()
    visitor.page.get_by_text("Click to Access Webcam").click()
    record = visitor.page.get_by_label("start recording")
    record.click()
    visitor.page.wait_for_timeout(1000)
    record.click()
    visitor.wait_until_accepted()
    assert visitor.ask("How many scenes are there?")
    assert visitor.scenes.count() == 32


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_text("hello") and path, "cannot be read as a video. Upload MP4, MOV, WebM or MKV."),
        (lambda path: path.write_bytes(EXAMPLE.read_bytes()[:3000]) and path, "video.mp4"),
        (lambda path: draw_clip(path, seconds=40), "The video lasts 0.7 minutes; the limit is 0.5."),
    ],
    ids=["text", "cut", "long"],
)
def test_a_video_that_cannot_be_taken_is_refused_in_words(visitor, tmp_path, make, reason):
    visitor.page.set_input_files("#player input[type=file]", make(tmp_path / "video.mp4"))
    message = visitor.wait_for_message()
    assert reason in message and str(tmp_path.parent) not in message and "/" not in message
    visitor.page.locator("#player video[src]").wait_for(state="detached")
    visitor.upload(EXAMPLE)  # and the page goes on
    assert visitor.ask(SECOND_QUESTION) == "a yellow cross"


def test_a_file_over_the_limit_is_refused_in_words(visitor, tmp_path):
    path = tmp_path / "large.mp4"
    shutil.copyfile(EXAMPLE, path)
    with path.open("ab") as file:
        file.truncate(2 * 2**20)
    visitor.page.set_input_files("#player input[type=file]", path)
    toast = visitor.page.locator("[data-testid=toast-body]")
    toast.wait_for()
    assert "size" in toast.inner_text()
    assert visitor.page.locator("#player video[src]").count() == 0


def test_a_question_without_a_video_is_answered_in_words(visitor):
    visitor.page.get_by_placeholder("Ask about the video").fill(QUESTION)
    visitor.page.get_by_role("button", name="Ask").click()
    assert visitor.wait_for_message() == "Choose a video first."


def test_two_visitors_at_once_get_their_own_answers(browser, url):
    first, second = Visitor(browser, url), Visitor(browser, url)
    first.upload(EXAMPLE)
    second.page.get_by_role("button", name="Example: three scenes").click()
    second.wait_until_accepted()
    for visitor in (first, second):  # both questions wait before either is answered
        visitor.page.get_by_placeholder("Ask about the video").fill("What is in the last scene?")
    for visitor in (first, second):
        visitor.page.keyboard.press("Enter")
    for visitor, answer in ((first, "a yellow cross"), (second, "a green cross")):
        visitor.scenes.first.wait_for()
        assert visitor.answers.all_inner_texts() == [answer]
    third = Visitor(browser, url)
    assert third.answers.count() == 0 and third.page.locator("#player video[src]").count() == 0
    # The address of another visitor's video is of no use.
    source = first.page.locator("#player video").get_attribute("src")
    assert first.page.request.get(source).status == 200
    assert third.page.request.get(source).status == 403
    for visitor in (first, second, third):
        visitor.context.close()


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_into_narrow_and_wide_windows(browser, url, width):
    visitor = Visitor(browser, url, width)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.upload(EXAMPLE)
    visitor.ask(SECOND_QUESTION)
    visitor.scenes.last.wait_for()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.context.close()


SLOW = """
import sys, time
from fila_video.serving import app
from fila_video.serving.web import answering

class Slow(answering.StopWhen):
    def __call__(self, *arguments, **options):
        print("a token", flush=True)
        time.sleep(0.5)
        return super().__call__(*arguments, **options)

answering.StopWhen = Slow
sys.exit(app.main(sys.argv[1:]))
"""


def test_an_answer_ends_when_it_is_stopped_or_the_visitor_leaves(browser, app_python, tmp_path, expected):
    (tmp_path / "slow.py").write_text(SLOW)
    log = tmp_path / "log"
    whole = len(expected[0].split())
    with running_page(app_python, log, tmp_path / "slow.py", MINI, *OPTIONS) as url:
        for leaves in (False, True):
            visitor = Visitor(browser, url)
            visitor.upload(EXAMPLE)
            visitor.page.get_by_placeholder("Ask about the video").fill(QUESTION)
            visitor.page.keyboard.press("Enter")
            visitor.answers.get_by_text("a cyan").wait_for()
            if not leaves:
                visitor.page.get_by_role("button", name="Stop").click()
                visitor.scenes.first.wait_for()
                assert expected[0].startswith(visitor.answers.last.inner_text())
            visitor.context.close()
            browser.new_page().wait_for_timeout(4000)
            count = log.read_text().count("a token")
            browser.new_page().wait_for_timeout(2000)
            assert log.read_text().count("a token") == count < whole * (1 + leaves)


def test_a_space_needs_public_packages_only(browser, app_python, tmp_path):
    from fila_video.serving.app import main

    space = tmp_path / "space"
    assert main([str(MINI), "--write-space", str(space)]) == 0
    with running_page(app_python, tmp_path / "log", "app.py", cwd=space) as url:
        visitor = Visitor(browser, url)
        visitor.upload(EXAMPLE)
        assert visitor.ask(SECOND_QUESTION) == "a yellow cross"
        visitor.context.close()
    assert not any(space.glob("**/fila_video"))
