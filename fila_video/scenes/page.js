"use strict";
(() => {
  const { frames, images } = JSON.parse(document.getElementById("frames").textContent);
  const [timeline, cursor] = [document.getElementById("timeline"), document.getElementById("cursor")];
  const [shown, caption] = [document.getElementById("shown"), document.getElementById("caption")];
  const [player, note] = [document.getElementById("player"), document.getElementById("note")];
  const drawing = timeline.querySelector("svg");
  const buttons = [...document.querySelectorAll("button.frame")];
  const edge = Number(drawing.dataset.edge);
  let selected = 0;

  const buttonOf = (frame) => buttons.find((button) => Number(button.dataset.frame) === frame);
  const addressOf = (frame) => images[frame] ?? buttonOf(frame).querySelector("img").src;
  const placeOf = (frame) => edge + frames[frame].position * (1 - 2 * edge);

  // Shows a frame large, without choosing it.
  function show(frame) {
    shown.src = addressOf(frame);
    shown.alt = caption.textContent = frames[frame].label;
    const x = String(placeOf(frame) * drawing.viewBox.baseVal.width);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    for (const button of buttons) button.classList.toggle("current", Number(button.dataset.frame) === frame);
    timeline.setAttribute("aria-valuenow", String(frame + 1));
    timeline.setAttribute("aria-valuetext", frames[frame].label);
  }

  function choose(frame) {
    selected = frame;
    show(frame);
    if (!player) {
      note.textContent = `This moment is ${frames[frame].clock} into the video.`;
      return;
    }
    note.textContent = "";
    player.hidden = false;
    player.currentTime = frames[frame].seconds;
    // A failure is reported by the event below; a new click ends the wait for the last one.
    player.play().catch(() => {});
  }

  function frameAt(event) {
    if (event.target.dataset.frame !== undefined) return Number(event.target.dataset.frame);
    const box = drawing.getBoundingClientRect();
    const position = ((event.clientX - box.left) / box.width - edge) / (1 - 2 * edge);
    // A frame lasts until the next one.
    const later = frames.findIndex((frame) => frame.position > position);
    return Math.max((later < 0 ? frames.length : later) - 1, 0);
  }

  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

  function onKey(event) {
    const targets = { Home: 0, End: frames.length - 1 };
    if (event.key in steps) selected += steps[event.key];
    else if (event.key in targets) selected = targets[event.key];
    else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    selected = Math.min(Math.max(selected, 0), frames.length - 1);
    if (event.key === "Enter" || event.key === " ") choose(selected);
    else show(selected);
  }

  timeline.addEventListener("pointermove", (event) => show(frameAt(event)));
  timeline.addEventListener("pointerleave", () => show(selected));
  timeline.addEventListener("click", (event) => choose(frameAt(event)));
  timeline.addEventListener("keydown", onKey);
  for (const button of buttons) {
    const frame = Number(button.dataset.frame);
    button.addEventListener("pointerenter", () => show(frame));
    button.addEventListener("pointerleave", () => show(selected));
    button.addEventListener("focus", () => show(frame));
    button.addEventListener("click", () => choose(frame));
  }
  player?.addEventListener("error", () => {
    player.hidden = true;
    const moment = `This moment is ${frames[selected].clock} into the video.`;
    note.textContent = `${moment} It cannot be played here: the video does not lie where this page expects it, or this browser does not know its format.`;
  });
  selected = Number(document.querySelector("button.frame").dataset.frame);
  show(selected);
})();
