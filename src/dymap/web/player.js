// @ts-check
/**
 * <dymap-player src="clip.dymap">: a volumetric clip in any page, drawn by the browser's own GPU (docs/player.md).
 *
 * <dymap-player src="clip.dymap" poster="poster.jpg" film="film.mp4" autoplay loop controls></dymap-player>
 */

import { BrowserEngine } from "./engines/browser.js";
import { askedCamera, cameraOf } from "./player/camera.js";
import { makePlayerParts, renewCanvas, showPlaying } from "./player/parts.js";
import { Session } from "./player/session.js";
import { clockOf } from "./stage/playback.js";
import { Poster } from "./stage/poster.js";
import { viewOf } from "./stage/requests.js";

/** @typedef {import("./player/camera.js").PlayerCamera} PlayerCamera */

const FLAGS = ["autoplay", "loop", "controls"];
const TEXTS = ["src", "poster", "film", "background"];

export class DymapPlayer extends HTMLElement {
  static observedAttributes = ["src", "poster", "loop", "background"];

  /** Makes the engine of an address; for pages that bring their own. @type {(src: string) => any} */
  static makeEngine = src => new BrowserEngine(src);

  constructor() {
    super();
    this.parts = makePlayerParts(this);
    /** @type {Session | null} */
    this.session = null;
    /** @type {any} what is being opened, or plays */
    this.engine = null;
    /** @type {Poster | null} the clip's, in place of one that the page names */
    this.own = null;
    this.listen();
  }

  connectedCallback() {
    if (!this.engine) this.load();
  }

  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.unload()); // it may only have been moved
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "src" && this.isConnected) this.load();
    if (name === "poster") this.showPoster(after);
    if (name === "loop") this.session?.store.set({ loop: after !== null });
    if (name === "background") this.session?.store.set({ background: after ?? "black" });
  }

  /** Open what `src` names, from the beginning. Problems become an `error` event and a message. */
  async load() {
    this.unload();
    const { src } = this;
    if (!src) return;
    this.showPoster(this.poster);
    renewCanvas(this.parts);
    let engine = null;
    try {
      engine = this.engine = DymapPlayer.makeEngine(src);
      this.own = this.poster ? null : new Poster(this.parts.poster, this.parts.canvas, engine, false);
      const opening = engine.open();
      await (this.own?.during(opening) ?? opening);
    } catch (error) {
      if (this.engine === engine) await this.own?.keep();
      if (this.engine === engine) this.fail(error instanceof Error ? error.message : String(error));
      return;
    }
    if (this.engine !== engine) return void engine.close(); // meanwhile something else was to be opened
    this.session = new Session(engine, this.parts.canvas, { loop: this.loop, background: this.background });
    this.follow(this.session);
    this.tell("ready");
    if (this.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
  }

  /** Forget the clip; what it took of the GPU is free again. */
  unload() {
    const { session, engine, parts } = this;
    this.own?.hide();
    this.session = this.engine = this.own = null;
    if (session) session.close();
    else engine?.close();
    parts.message.hidden = parts.film.hidden = true;
    parts.film.removeAttribute("src");
    parts.canvas.hidden = parts.bar.hidden = false;
    this.showClock();
  }

  /** Play, from the beginning if it is at the end. */
  play() {
    if (!this.parts.film.hidden) this.parts.film.play().catch(() => {});
    else if (this.session && this.paused) this.session.playback.toggle();
  }

  pause() {
    this.parts.film.pause();
    if (!this.paused) this.session?.playback.toggle();
  }

  /** Go to a time. @param {number | {frame: number} | {time: number}} to seconds, or a position from 0 */
  seek(to) {
    const asked = typeof to === "number" ? { time: to } : to;
    const frame = "frame" in asked ? asked.frame : Math.floor(asked.time * this.fps + 1e-6);
    if (!Number.isFinite(frame)) throw new TypeError("seek: expected a number of seconds, { time } or { frame }");
    this.session?.playback.seek(frame);
  }

  /** Let the camera go round by itself. @param {boolean} [on] */
  orbit(on = true) {
    this.session?.store.set({ turntable: Boolean(on) });
  }

  /** The first view again. */
  home() {
    if (this.session) this.session.motion.to(this.session.home());
  }

  /** The picture at full quality. @returns {Promise<Blob>} PNG */
  async capture() {
    if (!this.session) throw new Error("there is no picture yet: wait for the event ready");
    return this.session.engine.capture();
  }

  /**
   * What is shown now as numbers, to put other things in front of it and behind it. Rows from the top.
   * @param {number} width pixels @param {number} height
   * @returns {Promise<{frame: number, camera: PlayerCamera, width: number, height: number, colours: Float32Array, distances: Float32Array}>}
   *   colours: [height, width, 4] 0 to 1, premultiplied; distances: [height, width] metres along the ray, infinite where nothing is
   */
  async numbers(width, height) {
    if (!this.session) throw new Error("there is no picture yet: wait for the event ready");
    const { store, engine } = this.session, { state } = store;
    const camera = cameraOf(state.pose, state.fov), { frame } = state;
    const { colours, seen } = await engine.numbersOf(viewOf(state, engine.clip.cameras, frame, false), width, height);
    return { frame, camera, width, height, colours, distances: seen };
  }

  get paused() {
    return !this.session?.store.state.playing;
  }

  /** Seconds. */
  get currentTime() {
    return this.fps ? this.frame / this.fps : 0;
  }

  set currentTime(seconds) {
    this.seek(seconds);
  }

  /** Seconds; NaN until the clip is open. */
  get duration() {
    return this.session ? this.session.engine.clip.frames / this.fps : NaN;
  }

  /** Position in the clip, from 0. */
  get frame() {
    return this.session?.store.state.frame ?? 0;
  }

  set frame(frame) {
    this.seek({ frame });
  }

  get fps() {
    return this.session?.engine.clip.fps ?? 0;
  }

  /** 1: as filmed; below 0: backwards. */
  get playbackRate() {
    return this.session?.store.state.speed ?? 1;
  }

  set playbackRate(rate) {
    if (!Number.isFinite(rate) || rate === 0) throw new TypeError(`playbackRate ${rate}: expected a number other than 0`);
    this.session?.store.set({ speed: rate });
  }

  /** What is shown from; null until the clip is open. Set any part of it, the rest stays. @returns {PlayerCamera | null} */
  get camera() {
    const state = this.session?.store.state;
    return state ? cameraOf(state.pose, state.fov) : null;
  }

  set camera(/** @type {any} */ asked) {
    if (!this.session) return;
    const { state } = this.session.store;
    const wanted = askedCamera(asked ?? {}, state, this.session.engine.clip.up);
    this.session.motion.move(() => wanted.pose);
    this.session.store.set({ fov: wanted.fov });
  }

  /** @param {Session} session */
  follow(session) {
    const { store, engine } = session, { parts } = this;
    const told = show => state => this.session === session && show(state);
    let first = true;
    parts.timeline.max = String(engine.clip.frames - 1);
    store.watch(["playing"], told(state => {
      showPlaying(parts, state.playing);
      if (!first) this.tell(state.playing ? "play" : "pause");
      const last = state.speed > 0 ? engine.clip.frames - 1 : 0;
      if (!first && !state.playing && !state.loop && state.frame === last) this.tell("ended");
    }));
    store.watch(["frame"], told(() => {
      this.showClock();
      if (!first) this.tell("timeupdate");
    }));
    store.watch(["pose", "fov"], told(() => first || this.tell("camerachange", this.camera)));
    first = false;
    this.showClock();
    engine.addEventListener("picture", event => {
      if (this.session !== session) return;
      parts.poster.hidden = true;
      this.own?.hide();
      this.tell("frame", { frame: event.detail.view.frame, kind: event.detail.kind });
    });
    engine.addEventListener("error", event => {
      if (this.session === session) event.detail.fatal ? this.fail(event.detail.message) : this.tell("error", event.detail);
    });
  }

  /** Nothing can be drawn: say so, and show the film if there is one. @param {string} message */
  fail(message) {
    const { session, engine, parts } = this;
    this.session = this.engine = null;
    if (session) session.close();
    else engine?.close();
    parts.message.textContent = message;
    parts.message.hidden = false;
    parts.canvas.hidden = parts.bar.hidden = true; // the film has controls of its own
    if (this.film) {
      [parts.film.src, parts.film.poster, parts.film.hidden] = [this.film, this.poster, false];
      parts.film.loop = this.loop;
      if (this.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
    }
    this.tell("error", { message, fatal: true });
  }

  /** @param {string} type @param {object | null} [detail] */
  tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {string | null} url */
  showPoster(url) {
    const { poster } = this.parts;
    poster.classList.toggle("own", !url);
    if (url) poster.src = url;
    else poster.removeAttribute("src");
    poster.hidden = !url || Boolean(this.session);
  }

  showClock() {
    const { timeline, clock } = this.parts, { fps } = this;
    timeline.value = String(this.frame);
    clock.textContent = fps ? `${clockOf(this.frame, fps)} / ${clockOf(Math.round(this.duration * fps), fps)}` : "";
    timeline.setAttribute("aria-valuetext", clock.textContent);
  }

  /** The controls do what they show. */
  listen() {
    const { toggle, timeline, whole, poster, film } = this.parts;
    toggle.addEventListener("click", () => (this.paused ? this.play() : this.pause()));
    timeline.addEventListener("input", () => {
      this.session?.store.set({ scrubbing: true });
      this.seek({ frame: Number(timeline.value) });
    });
    timeline.addEventListener("change", () => this.session?.store.set({ scrubbing: false }));
    whole.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen?.().catch(() => {})));
    for (const [part, event] of [[poster, "error"], [film, "loadeddata"]]) part.addEventListener(event, () => (poster.hidden = true));
  }
}

for (const name of FLAGS) {
  Object.defineProperty(DymapPlayer.prototype, name, {
    /** @this {DymapPlayer} */ get() { return this.hasAttribute(name); },
    /** @this {DymapPlayer} @param {boolean} on */ set(on) { this.toggleAttribute(name, Boolean(on)); },
  });
}
for (const name of TEXTS) {
  Object.defineProperty(DymapPlayer.prototype, name, {
    /** @this {DymapPlayer} */ get() { return this.getAttribute(name) ?? (name === "background" ? "black" : ""); },
    /** @this {DymapPlayer} @param {string} text */ set(text) { this.setAttribute(name, text); },
  });
}

if (!customElements.get("dymap-player")) customElements.define("dymap-player", DymapPlayer);
