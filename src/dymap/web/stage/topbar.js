// @ts-check
/** The bar above the picture: what is shown, and the page's tools. */

import { iconButton, reicon, relabel } from "./dom.js";

/** @param {HTMLElement} place @param {import("./stage.js").Parts} parts */
export function makeTopBar(place, { store, actions, engine }) {
  const { clip } = engine;
  const title = /** @type {HTMLElement} */ (place.querySelector(".title")),
    about = /** @type {HTMLElement} */ (place.querySelector(".about")),
    tools = place.querySelector(".tools");
  const name = clip.title || clip.name || "Clip";
  title.textContent = title.title = document.title = name;
  about.textContent = [clip.author, clip.licence].filter(Boolean).join(" · ");
  about.title = about.textContent;

  const overlay = iconButton("gauge", "Milliseconds and bytes", "I", () => actions.flip("overlay"), {
    class: "tool spare",
  });
  const link = iconButton("link", "Copy a link with camera and time", "L", actions.link);
  const photo = iconButton("photo", "Save the picture", "P", actions.photo);
  const full = iconButton("full", "Full screen", "F", actions.fullScreen);
  const help = iconButton("help", "Help: keys, mouse, touch", "?", actions.help, { class: "tool spare" });
  const panel = iconButton("settings", "Settings", "M", () => actions.flip("panel"), { "aria-controls": "panel" });
  full.hidden = !document.fullscreenEnabled;
  tools.replaceChildren(overlay, link, photo, full, help, panel);

  store.watch(["overlay"], state => overlay.setAttribute("aria-pressed", String(state.overlay)));
  store.watch(["panel"], state => panel.setAttribute("aria-expanded", String(state.panel)));
  document.addEventListener("fullscreenchange", () => {
    reicon(full, document.fullscreenElement ? "unfull" : "full");
    relabel(full, document.fullscreenElement ? "Leave full screen" : "Full screen", "F");
  });
}
