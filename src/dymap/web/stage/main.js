// @ts-check
/**
 * The page begins here: which clip, and which engine draws it.
 *
 * `<script type="application/json" id="stage">` may say {"engine": "server"} or {"clip": address, "film": address,
 * "background": [red, green, blue]}, `<script id="clip" type="application/octet-stream;base64">` may hold a clip, and the
 * page's address may name one: index.html?clip=dance.dymap. A file that is dropped on the page takes its place.
 */

import { BrowserEngine } from "../engines/browser.js";
import { ServerEngine } from "../engines/server.js";
import { make } from "./dom.js";
import { openStage } from "./stage.js";
import { listenToDrops, showFailure, showWelcome } from "./welcome.js";

/** @typedef {{engine?: string, clip?: string, film?: string, background?: number[]}} Told what the page was told */

/** @param {Document} page @param {Location} address */
function begin(page, address) {
  const empty = /** @type {HTMLElement} */ (page.querySelector("#app")),
    told = readTold(page);
  let app = empty,
    number = 0,
    used = false; // what the page holds from the first moment on serves the first clip: its poster is there already
  /** @type {(() => void) | null} */
  let close = null;
  const blank = /** @type {HTMLElement} */ (empty.cloneNode(true));
  blank.querySelector(".poster")?.replaceWith(make("img", { class: "poster", alt: "", hidden: true })); // that of one clip only

  /**
   * Show a clip, and no longer what was shown.
   * @param {() => any} makeEngine @param {string} [film] address of a film of this clip
   */
  async function show(makeEngine, film) {
    const mine = ++number;
    close?.();
    close = null;
    if (used) {
      const fresh = /** @type {HTMLElement} */ (blank.cloneNode(true));
      app.replaceWith(fresh);
      app = fresh;
    }
    used = true;
    try {
      const stage = await openStage(
        app,
        makeEngine(),
        told.background ? { background: backgroundName(told.background) } : {},
      );
      if (mine !== number) return stage.close(); // another was dropped meanwhile
      close = stage.close;
      Object.assign(globalThis, { stage: stage.parts }); // for the console
    } catch (error) {
      if (mine !== number) return;
      console.info(error);
      showFailure(
        /** @type {HTMLElement} */ (app.querySelector(".welcome")),
        error.message || String(error),
        film,
        play,
      );
    }
  }

  const play = file => show(() => new BrowserEngine(file));
  listenToDrops(() => /** @type {HTMLElement} */ (app.querySelector(".drop")), play);
  const within = page.querySelector("#clip"),
    clip = new URLSearchParams(address.search).get("clip") ?? told.clip;
  if (within?.textContent) show(() => new BrowserEngine(bytesOf(within.textContent)), told.film);
  else if (told.engine === "server") show(() => new ServerEngine());
  else if (clip) {
    used = clip !== told.clip;
    show(() => new BrowserEngine(addressOf(clip, page.baseURI)), used ? undefined : told.film);
  } else {
    used = true;
    showWelcome(/** @type {HTMLElement} */ (app.querySelector(".welcome")), play);
  }
}

/** @param {Document} page @returns {Told} */
function readTold(page) {
  try {
    const told = JSON.parse(page.querySelector("#stage")?.textContent || "{}");
    return told && typeof told === "object" ? told : {};
  } catch {
    return {};
  }
}

/** @param {string} clip @param {string} base @returns {string} */
function addressOf(clip, base) {
  const address = URL.canParse(clip, base) ? new URL(clip, base) : null;
  if (!address || !["http:", "https:", "blob:"].includes(address.protocol))
    throw new Error(`${clip.slice(0, 80)} is no address of a clip on the web.`);
  return address.href;
}

/** @param {string} text base64 @returns {Uint8Array} */
function bytesOf(text) {
  const decode = /** @type {any} */ (Uint8Array).fromBase64; // of newer browsers: many times as fast
  if (decode) return decode(text.trim());
  const raw = atob(text.trim()),
    bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return bytes;
}

/** @param {number[]} colour [3] 0 to 1 @returns {string} as the state names it */
function backgroundName(colour) {
  const hex = `#${colour
    .slice(0, 3)
    .map(value =>
      Math.round(255 * Math.min(Math.max(Number(value) || 0, 0), 1))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
  return { "#000000": "black", "#ffffff": "white", "#808080": "grey" }[hex] ?? hex;
}

begin(document, location);
