// @ts-check
/** The tab "View": what is drawn, and how time and camera behave. */

import { choice, make, section, slider, textButton, toggle } from "./dom.js";

const BACKDROPS = [
  ["black", "Black"],
  ["white", "White"],
  ["grey", "Grey"],
  ["checker", "Checker"],
  ["transparent", "None"],
];

/** @param {import("./stage.js").Parts} parts @returns {HTMLElement} */
export function makeSettings({ store, actions, motion, engine }) {
  const layer = choice(
    "Layer",
    [
      ["colour", "Colour"],
      ["depth", "Depth"],
      ["opacity", "Opacity"],
      ["occupancy", "Occupancy"],
    ],
    value => store.set({ layer: /** @type {any} */ (value) }),
  );
  const backdrop = choice("Background", /** @type {[string, string][]} */ (BACKDROPS), value =>
    store.set({ background: value }),
  );
  backdrop.element.classList.add("swatches");
  const own = make("input", {
    type: "color",
    value: "#3a4f66",
    "aria-label": "Background of any colour",
    input: () => store.set({ background: own.value }),
  });
  const ownLabel = make("label", { "data-value": "own" }, own, make("span", {}, "Colour"));
  backdrop.element.querySelector(".options").append(ownLabel);
  const exposure = slider(
    "Exposure",
    { min: -4, max: 4, step: 0.1, usual: 0, text: value => `${value > 0 ? "+" : ""}${value.toFixed(1)}` },
    value => store.set({ exposure: value }),
  );
  const lens = slider(
    "Field of view",
    { min: 5, max: 120, step: 0.5, usual: 45, text: value => `${value.toFixed(0)}°` },
    value => store.set({ fov: (value * Math.PI) / 180, camera: -1 }),
  );
  const outline = toggle("Outline of the box", "B", on => store.set({ outline: on }));
  const level = toggle("Level horizon", "H", on => motion.setLevel(on));
  const turntable = toggle("Go round by itself", "O", on => store.set({ turntable: on }));
  const keep = choice(
    "If drawing is slow",
    [
      ["time", "Keep time"],
      ["frames", "Keep every frame"],
    ],
    value => store.set({ keep: /** @type {any} */ (value) }),
  );
  const overlay = toggle("Milliseconds and bytes", "I", on => store.set({ overlay: on }));

  store.watch(["layer"], state => layer.show(state.layer));
  store.watch(["background"], ({ background }) => {
    backdrop.show(background);
    ownLabel.classList.toggle("chosen", background.startsWith("#"));
    if (background.startsWith("#")) own.value = background;
  });
  store.watch(["exposure"], state => exposure.show(state.exposure));
  store.watch(["fov"], state => lens.show((state.fov * 180) / Math.PI));
  store.watch(["outline"], state => outline.show(state.outline));
  store.watch(["level"], state => level.show(state.level));
  store.watch(["turntable"], state => turntable.show(state.turntable));
  store.watch(["keep"], state => keep.show(state.keep));
  store.watch(["overlay"], state => overlay.show(state.overlay));
  store.watch(["layer"], state => exposure.element.toggleAttribute("data-idle", state.layer !== "colour"));

  return make(
    "div",
    {},
    section("Picture", layer.element, backdrop.element, exposure.element, outline.element),
    section(
      "Camera",
      lens.element,
      level.element,
      turntable.element,
      make(
        "div",
        { class: "row" },
        textButton("Start", actions.home, { icon: "home" }),
        textButton("Nearest camera", actions.nearest, { icon: "nearest", disabled: !engine.clip.cameras.length }),
      ),
    ),
    section("Time", keep.element),
    section(
      "Page",
      overlay.element,
      make("div", { class: "row" }, textButton("Keys, mouse, touch", actions.help, { icon: "help" })),
    ),
  );
}
