// @ts-check
/** The page without a clip: a file can be dropped anywhere on it, or chosen. */

import { make, textButton } from "./dom.js";

/** @param {HTMLElement} place @param {(file: File) => void} open */
export function showWelcome(place, open) {
  place.replaceChildren(
    make("h2", {}, "Drop a clip here"),
    make("p", {}, "A file that ends in .dymap, anywhere on this page. It is played on this machine and sent nowhere."),
    ...chooser(open),
  );
  place.hidden = false;
}

/**
 * A clip cannot be played: why, its film if there is one, and what can be done.
 * @param {HTMLElement} place @param {string} why @param {string | undefined} film its address @param {(file: File) => void} open
 */
export function showFailure(place, why, film, open) {
  place.replaceChildren(
    ...(film
      ? [
          make("video", {
            class: "film",
            src: film,
            controls: true,
            loop: true,
            muted: true,
            playsinline: true,
            "aria-label": "Film of the clip",
          }),
        ]
      : []),
    make("h2", {}, film ? "Only the film can be played here" : "This clip cannot be played"),
    make("p", { role: "alert" }, why),
    make(
      "div",
      { class: "row" },
      textButton("Try again", () => location.reload(), { icon: "update" }),
      ...chooser(open),
    ),
  );
  place.hidden = false;
}

/** A button to choose a file. @param {(file: File) => void} open */
function chooser(open) {
  const input = make("input", {
    type: "file",
    accept: ".dymap",
    hidden: true,
    "aria-label": "File to play",
    change: () => input.files[0] && open(input.files[0]),
  });
  return [textButton("Choose a file", () => input.click(), { icon: "open", class: "accent" }), input];
}

/**
 * Take files that are dropped on the page.
 * @param {() => HTMLElement} sign is shown while a file is over the page @param {(file: File) => void} open
 */
export function listenToDrops(sign, open) {
  let depth = 0; // of elements that the pointer has entered
  const carriesFile = event => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const show = on => (sign().hidden = !on);
  window.addEventListener("dragenter", event => {
    if (carriesFile(event) && ++depth) show(true);
  });
  window.addEventListener("dragleave", event => {
    if (carriesFile(event) && --depth <= 0) show(false);
  });
  window.addEventListener("dragover", event => carriesFile(event) && event.preventDefault());
  window.addEventListener("drop", event => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}
