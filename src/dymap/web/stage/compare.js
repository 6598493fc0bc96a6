// @ts-check
/** What was filmed beside the model's picture, wiped over it, or as their difference; always from a camera's own view. */

import { make } from "./dom.js";

/**
 * @param {HTMLElement} pictures holds the frames @param {import("./stage.js").Parts} parts
 * @param {() => void} arrange lays the frames out anew
 */
export function listenToComparison(pictures, { engine, store, actions, messages }, arrange) {
  const { clip } = engine;
  const filmed = /** @type {HTMLElement} */ (pictures.querySelector(".filmed")),
    canvas = /** @type {HTMLCanvasElement} */ (pictures.querySelector(".truth"));
  const modelTag = /** @type {HTMLElement} */ (pictures.querySelector(".model .tag"));
  const divider = /** @type {HTMLElement} */ (pictures.querySelector(".divider"));
  const truth = new Truth(engine, canvas, filmed.querySelector(".tag"), error =>
    messages.complain(`What was filmed cannot be shown: ${error.message}`),
  );

  store.watch(["compare"], ({ compare }) => {
    pictures.dataset.compare = compare;
    filmed.hidden = compare === "off";
    modelTag.hidden = compare === "off" || compare === "difference";
    divider.hidden = compare !== "wipe";
    arrange();
  });
  store.watch(["compare", "camera", "frame", "handling", "previewing"], state => {
    const { compare, camera, frame, handling } = state;
    if (compare === "off" || !clip.capture) return truth.forget();
    if (!handling && camera < 0) return actions.nearest();
    pictures.classList.toggle("between-cameras", handling);
    arrange();
    if (!handling && clip.cameras[camera]) truth.want(camera, frame);
  });

  const place = share => store.set({ wipe: Math.min(Math.max(share, 0), 1) });
  store.watch(["wipe"], ({ wipe }) => {
    pictures.style.setProperty("--wipe", String(wipe));
    divider.setAttribute("aria-valuenow", String(Math.round(100 * wipe)));
    divider.setAttribute("aria-valuetext", `${Math.round(100 * wipe)} % filmed, the rest is the model`);
  });
  divider.replaceChildren(make("span", { class: "grip", "aria-hidden": "true" }));
  divider.addEventListener("pointerdown", event => {
    event.stopPropagation();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", event => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const frame = filmed.getBoundingClientRect();
    place((event.clientX - frame.left) / frame.width);
  });
  divider.addEventListener("keydown", event => {
    const to = {
      ArrowLeft: -0.02,
      ArrowRight: 0.02,
      ArrowDown: -0.02,
      ArrowUp: 0.02,
      PageDown: -0.1,
      PageUp: 0.1,
      Home: -1,
      End: 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    place(store.state.wipe + to);
  });
  new ResizeObserver(() => truth.again()).observe(filmed);
}

/** The filmed picture that is wanted now: one is asked for at a time, and the newest counts. */
class Truth {
  /** @param {any} engine @param {HTMLCanvasElement} canvas @param {Element} tag says what it is @param {(error: Error) => void} fail */
  constructor(engine, canvas, tag, fail) {
    this.tag = tag;
    this.engine = engine;
    this.canvas = canvas;
    this.fail = fail;
    /** @type {string} */
    this.wanted = "";
    this.shown = "";
    this.busy = false;
  }

  /** @param {number} camera @param {number} frame */
  want(camera, frame) {
    this.wanted = `${camera} ${frame}`;
    this.fetch();
  }

  forget() {
    this.wanted = this.shown = "";
  }

  again() {
    this.shown = "";
    this.fetch();
  }

  async fetch() {
    if (this.busy || !this.wanted || this.wanted === this.shown) return;
    const wanted = this.wanted,
      [camera, frame] = wanted.split(" ").map(Number);
    this.busy = true;
    try {
      const picture = await this.engine.truth(camera, frame, this.width());
      this.shown = wanted;
      if (this.wanted) this.draw(picture, wanted);
    } catch (error) {
      this.shown = wanted;
      this.fail(error);
    }
    this.busy = false;
    this.fetch();
  }

  /** Device pixels of the place. */
  width() {
    return Math.max(Math.round(this.canvas.clientWidth * Math.min(devicePixelRatio, 2)), 64);
  }

  /** @param {ImageBitmap | null} picture null: this camera did not film then @param {string} wanted */
  draw(picture, wanted) {
    const width = this.width(),
      height = picture ? Math.round((width * picture.height) / picture.width) : width;
    [this.canvas.width, this.canvas.height] = [width, height];
    const context = this.canvas.getContext("2d");
    if (picture && context) {
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, 0, 0, width, height);
    }
    this.canvas.dataset.shows = wanted;
    this.tag.textContent = picture ? "filmed" : "not filmed at this moment";
    picture?.close();
  }
}
