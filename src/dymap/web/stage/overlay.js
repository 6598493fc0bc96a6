// @ts-check
/** Milliseconds and bytes of the last picture, over the stage. */

import { make } from "./dom.js";

const PARTS = ["queue", "render", "encode", "transfer", "decode"];
const SPAN = 2000; // ms over which pictures a second are counted

/** @param {HTMLElement} place @param {import("./stage.js").Parts} parts */
export function makeOverlay(place, { engine, store, requests }) {
  /** @type {number[]} */
  let times = [];
  let bytes = 0,
    last = null,
    waited = 0;
  engine.addEventListener("picture", event => {
    const now = performance.now();
    times = [...times.filter(time => now - time < SPAN), now];
    bytes += event.detail.bytes ?? 0;
    waited = now - requests.sentAt;
    last = event.detail;
    if (store.state.overlay) show();
  });
  store.watch(["overlay"], ({ overlay }) => {
    place.hidden = !overlay;
    if (overlay) show();
  });

  function show() {
    if (!last) return place.replaceChildren(...row("picture", "none yet"));
    const ms = last.ms ?? {},
      rate = times.length > 1 ? ((times.length - 1) * 1000) / (times[times.length - 1] - times[0]) : 0;
    place.replaceChildren(
      ...row("picture", `${last.width} × ${last.height}, ${last.kind}`),
      ...row("event to pixel", `${waited.toFixed(0)} ms`),
      ...PARTS.filter(part => ms[part] !== undefined).flatMap(part => row(part, `${ms[part].toFixed(1)} ms`)),
      ...row("pictures", rate ? `${rate.toFixed(1)} a second` : "at rest"),
      ...(last.bytes ? row("bytes", `${sizeOf(last.bytes)}, ${sizeOf(bytes)} so far`) : []),
      ...(engine.clip.bytes ? row("file", sizeOf(engine.clip.bytes)) : []),
    );
  }
}

const row = (name, value) => [make("div", {}, make("dt", {}, name), make("dd", {}, value))];

/** @param {number} bytes @returns {string} */
export function sizeOf(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
