"""The page: complete without other files, harmless whatever the name, small, and usable in a browser."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from fila_video.scenes.page import address_of
from tests.fila_video.scenes.made_scenes import made_scenes


EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>.mp4"
WEIGHT = np.random.default_rng(0).uniform(0, 1, (3, 9, 4)).astype(np.float32)


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text inside scripts and styles."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.is_inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.is_inside = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.is_inside = False

    def handle_data(self, data):
        if self.is_inside:
            self.inside.append((self.found[-1][0], data))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def page_of(tmp_path: Path, video_href: str | None = None, **changes) -> str:
    return made_scenes(merging_weight=WEIGHT, **changes).save(tmp_path / "out.html", video_href).read_text("utf-8")


def test_a_strange_name_is_only_text(tmp_path):
    page, plain = Elements(page_of(tmp_path, EVIL, name=EVIL)), Elements(page_of(tmp_path, "clip.mp4"))
    assert [tag for tag, _ in page.found] == [tag for tag, _ in plain.found]
    assert [sorted(attributes) for _, attributes in page.found] == [sorted(attributes) for _, attributes in plain.found]
    assert page.attributes("video")[0]["src"] == EVIL


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    text = page_of(tmp_path)
    page = Elements(text)
    addresses = [attributes[name] for _, attributes in page.found for name in ("src", "href") if name in attributes]
    assert len(addresses) > 12 and all(address.startswith("data:image/") for address in addresses)
    assert "://" not in text and "@import" not in text and "url(" not in text
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.found for name in attributes)


@pytest.mark.parametrize("href", ["", "clip.mp4"])
def test_the_policy_allows_the_own_script_and_style_alone(tmp_path, href):
    page = Elements(page_of(tmp_path, href))
    (policy,) = [meta["content"] for meta in page.attributes("meta") if "http-equiv" in meta]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = {
        kind: f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for kind, text in page.inside
        if not text.startswith("{")
    }
    media = {"media-src": "'self' file:"} if href else {}
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": hashes["style"],
        "script-src": hashes["script"],
        **media,
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_every_frame_is_in_the_page_once(tmp_path):
    """Those of the scenes in cards, the others in the data."""
    text = page_of(tmp_path, scene_frames=np.array([[2, 2, 2], [3, 4, 5], [6, 8, 8], [10, 11, 11]]))
    buttons = [int(button["data-frame"]) for button in Elements(text).attributes("button")]
    others = [int(frame) for frame in re.findall(r'"(\d+)": "data:image/jpeg', text)]
    assert buttons == [2, 5, 3, 4, 8, 6, 11, 10]
    assert sorted([*buttons, *others]) == list(range(12))


def test_pictures_have_words(tmp_path):
    images = Elements(page_of(tmp_path)).attributes("img")
    assert images and all(image["alt"] for image in images)
    assert images[0]["alt"] == "Frame at 0:02.0, sampled frame 3 of 12, representative of scene 1"


def test_32_scenes_of_3_stay_below_5_mb_however_noisy(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    found = made_scenes(32, 3, thumbnails=np.broadcast_to(noise, (96, *noise.shape)), merging_weight=WEIGHT)
    assert found.save(tmp_path / "out.html").stat().st_size < 5_000_000


@pytest.mark.parametrize("name", ["clip.mp4", "a b#1?.mp4", "http:clip.mp4", "sub/clip.mp4"])
def test_a_video_in_the_folder_of_the_page_is_found(tmp_path, name, monkeypatch):
    video = tmp_path / name
    video.parent.mkdir(exist_ok=True)
    video.touch()
    address = address_of(video, tmp_path / "out.html")
    assert unquote(address) == name and not set("#?:") & set(address)
    assert address_of(video, tmp_path / "pages" / "out.html") == ""
    assert address_of(tmp_path / "missing.mp4", tmp_path / "out.html") == address_of(None, tmp_path / "out.html") == ""
    monkeypatch.chdir(tmp_path)
    assert address_of(Path(name), Path("out.html")) == address


def test_a_browser_shows_and_plays_the_frames(found, clip, browser_page):
    """`found` was made from `clip`, next to which the page is saved."""
    browser_page.goto(found.save(clip.with_name("out.html")).as_uri())
    caption, shown = browser_page.locator("#caption"), browser_page.locator("#shown")
    card = browser_page.locator("button.frame").nth(3)
    picture = card.locator("img")
    assert (
        caption.inner_text() == browser_page.locator("button.frame img").first.get_attribute("alt")[len("Frame at ") :]
    )
    card.hover()
    assert shown.get_attribute("src") == picture.get_attribute("src")
    assert caption.inner_text() == shown.get_attribute("alt") == picture.get_attribute("alt")[len("Frame at ") :]
    assert browser_page.locator("#player").is_hidden()

    card.click()
    frame = int(card.get_attribute("data-frame"))
    seconds = found.frame_seconds[frame]
    browser_page.wait_for_function(
        "start => { const v = document.getElementById('player'); return v.readyState > 1 && v.currentTime >= start; }",
        arg=seconds - 0.01,
    )
    assert browser_page.locator("#player").is_visible() and browser_page.locator("#note").inner_text() == ""
    assert browser_page.evaluate("document.getElementById('player').currentTime") < seconds + 5


def test_a_browser_shows_every_frame_of_the_timeline(found, tmp_path, browser_page):
    """With the mouse at the time of a frame, and with the keyboard alone. Without a video, a choice shows the time."""
    browser_page.goto(found.save(tmp_path / "out.html").as_uri())
    timeline, caption = browser_page.locator("#timeline"), browser_page.locator("#caption")
    assert browser_page.locator("video").count() == 0
    timeline.scroll_into_view_if_needed()
    drawing = browser_page.locator("#timeline svg").bounding_box()
    for frame in (0, 20, 47):
        position = (8 + (found.frame_seconds[frame] + 0.05) / 16 * 984) / 1000
        browser_page.mouse.move(drawing["x"] + position * drawing["width"], drawing["y"] + drawing["height"] * 0.9)
        assert f"sampled frame {frame + 1} of 48" in caption.inner_text()
        shown = browser_page.evaluate("document.getElementById('shown').naturalWidth")
        assert shown == 160
    browser_page.mouse.move(0, 0)

    timeline.focus()
    timeline.press("End")
    timeline.press("ArrowLeft")
    assert timeline.get_attribute("aria-valuenow") == "47"
    assert timeline.get_attribute("aria-valuetext") == caption.inner_text()
    timeline.press("Enter")
    seconds = found.frame_seconds[46]
    assert browser_page.locator("#note").inner_text() == f"This moment is 0:{seconds:04.1f} into the video."


def test_a_browser_says_that_a_video_cannot_be_played(found, tmp_path, browser_page):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    browser_page.goto(found.save(tmp_path / "out.html", "clip.mp4").as_uri())
    browser_page.locator("button.frame").first.click()
    browser_page.locator("#note", has_text="It cannot be played here").wait_for()
    assert browser_page.locator("#player").is_hidden()


def test_a_strange_name_is_harmless_in_a_browser(tmp_path, browser_page):
    browser_page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    browser_page.goto(made_scenes(name=EVIL).save(tmp_path / "out.html").as_uri())
    assert browser_page.locator("h1").inner_text() == EVIL
    assert browser_page.title() == f"Scenes of {EVIL}"
    browser_page.locator("button.frame").first.click()
    assert browser_page.evaluate("document.scripts.length") == 2
