// @ts-check
/** What <dymap-player> consists of, in its shadow: picture, poster, controls, message, film. */

const PLAYER_STYLE = `
:host { display: block; position: relative; aspect-ratio: 1; min-width: 0; overflow: hidden; background: #000; color: #f4f1ea;
        font: 14px/1.4 system-ui, sans-serif; contain: content; container-type: inline-size;
        color-scheme: dark; }
:host([hidden]) { display: none; }
:host([background="transparent"]) { background: none; }
canvas, .poster, video { position: absolute; inset: 0; width: 100%; height: 100%; }
.poster, video { object-fit: contain; }
canvas { touch-action: none; cursor: grab; outline: none; }
canvas:active { cursor: grabbing; }
canvas:focus-visible { box-shadow: inset 0 0 0 3px #f2a541; }
.poster { pointer-events: none; }
.poster.own { inset: auto; left: 50%; top: 50%; width: auto; height: calc(100% * var(--height, 1)); translate: -50% -50%; }
[hidden] { display: none !important; }
.bar { position: absolute; inset: auto 0 0; display: flex; align-items: center; gap: 4px; padding: 24px 8px 4px;
       background: linear-gradient(#0000, #000b); transition: opacity .2s; }
:host(:not([controls])) .bar { display: none; }
button { width: 44px; height: 44px; padding: 12px; border: 0; border-radius: 10px; background: none; color: inherit; cursor: pointer; }
button:hover { background: #fff2; }
button:focus-visible, input:focus-visible { outline: 3px solid #f2a541; outline-offset: -2px; }
svg { display: block; width: 20px; height: 20px; fill: currentColor; pointer-events: none; }
input { flex: 1; min-width: 40px; height: 44px; margin: 0; accent-color: #f2a541; cursor: pointer; }
output { padding: 0 6px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.message { position: absolute; inset: 0 0 auto; margin: 0; padding: 12px 16px; background: #000c; overflow-wrap: anywhere; }
@container (max-width: 340px) { output { display: none; } }
@media (prefers-reduced-motion: reduce) { .bar { transition: none; } }
`;
const PLAYER_ICONS = {
  play: "M5 3l12 7-12 7z",
  pause: "M4 3h4v14H4zM12 3h4v14h-4z",
  whole: "M3 3h6v2H5v4H3zM11 3h6v6h-2V5h-4zM3 11h2v4h4v2H3zM15 11h2v6h-6v-2h4z",
};

/**
 * @typedef {object} PlayerParts
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLImageElement} poster
 * @property {HTMLVideoElement} film
 * @property {HTMLElement} bar
 * @property {HTMLButtonElement} toggle
 * @property {HTMLInputElement} timeline
 * @property {HTMLOutputElement} clock
 * @property {HTMLButtonElement} whole
 * @property {HTMLElement} message
 */

/** Fill the shadow of an element. @param {HTMLElement} host @returns {PlayerParts} */
export function makePlayerParts(host) {
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(PLAYER_STYLE);
  root.adoptedStyleSheets = [sheet];
  const canvas = playerCanvas();
  const poster = playerPart("img", { part: "poster", class: "poster", alt: "", hidden: "" });
  const film = playerPart("video", { part: "film", controls: "", loop: "", playsinline: "", hidden: "" });
  film.muted = true;
  const toggle = playerPart("button", { type: "button" });
  const timeline = playerPart("input", { type: "range", min: "0", max: "0", step: "1", value: "0", "aria-label": "Time" });
  const clock = playerPart("output", {});
  const whole = playerPart("button", { type: "button", "aria-label": "Full screen" });
  whole.append(playerIcon("whole"));
  const bar = playerPart("div", { part: "controls", class: "bar" });
  bar.append(toggle, timeline, clock, whole);
  const message = playerPart("p", { part: "message", class: "message", role: "alert", hidden: "" });
  root.append(canvas, poster, film, bar, message);
  const parts = { canvas, poster, film, bar, toggle, timeline, clock, whole, message };
  showPlaying(parts, false);
  return parts;
}

/** A canvas in the place of the one before, without whatever listened to that. @param {PlayerParts} parts */
export function renewCanvas(parts) {
  const fresh = playerCanvas();
  parts.canvas.replaceWith(fresh);
  parts.canvas = fresh;
}

function playerCanvas() {
  return playerPart("canvas", { part: "picture", tabindex: "0", role: "application",
    "aria-label": "Picture. Drag to turn it, scroll to come closer; arrow keys turn, plus and minus zoom, space plays." });
}

/** @param {PlayerParts} parts @param {boolean} playing */
export function showPlaying(parts, playing) {
  parts.toggle.replaceChildren(playerIcon(playing ? "pause" : "play"));
  parts.toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, string>} attributes @returns {HTMLElementTagNameMap[K]}
 */
function playerPart(tag, attributes) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** @param {keyof PLAYER_ICONS} name */
function playerIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PLAYER_ICONS[name]);
  svg.append(path);
  return svg;
}
