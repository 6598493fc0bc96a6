// @ts-check
/** The bar below the picture: play, steps, time, speed, repeat; and the two lines. */

import { iconButton, make, reicon, relabel, select } from "./dom.js";
import { clockOf, SPEEDS } from "./playback.js";
import { makePathLine, makeTimeline } from "./timeline.js";

/** @param {HTMLElement} place @param {import("./stage.js").Parts} parts */
export function makeTransport(place, parts) {
  const { store, actions, engine } = parts,
    { fps, frames } = engine.clip;
  const play = iconButton("play", "Play", "space", actions.play, { class: "tool play" });
  const back = iconButton("back", "One frame back", ",", () => actions.step(-1), { class: "tool step" });
  const on = iconButton("forward", "One frame on", ".", () => actions.step(1), { class: "tool step" });
  const loop = iconButton("loop", "Repeat", "R", () => actions.flip("loop"));
  const speed = select(
    "Speed",
    SPEEDS.map(one => [String(one), `${one} ×`]),
    value => store.set({ speed: Number(value) }),
  );
  const clock = make("output", { class: "clock", "aria-live": "off" });
  const end = clockOf(frames - 1, fps);
  place.replaceChildren(
    make("div", { class: "lines-of-time" }, makeTimeline(parts), makePathLine(parts)),
    make("div", { class: "bar" }, back, play, on, clock, make("span", { class: "gap" }), speed.element, loop),
  );
  for (const button of [play, back, on, loop]) button.disabled = frames < 2;

  store.watch(["playing"], ({ playing }) => {
    reicon(play, playing ? "pause" : "play");
    relabel(play, playing ? "Pause" : "Play", "space");
  });
  store.watch(["loop"], state => loop.setAttribute("aria-pressed", String(state.loop)));
  store.watch(["speed"], state => speed.show(String(state.speed)));
  store.watch(["frame"], ({ frame }) => {
    clock.replaceChildren(
      make("b", {}, clockOf(frame, fps)),
      make("span", { class: "of" }, ` / ${end}`),
      make("span", { class: "count" }, `${frame}`),
    );
  });
}
