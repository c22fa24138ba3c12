// A click on a scene, or Enter on it, takes the player there.
document.addEventListener("click", (event) => {
  const scene = event.target.closest("button[data-seconds]");
  const player = document.querySelector("#player video");
  if (!scene || !player) return;
  player.pause();
  player.currentTime = Number(scene.dataset.seconds);
  for (const other of document.querySelectorAll("button[data-seconds]")) {
    other.toggleAttribute("data-current", other === scene);
  }
  player.scrollIntoView({ block: "nearest", behavior: "smooth" });
});
