// @ts-check
/** Engine "server": the machine where dymap runs draws; views go there as text, JPEGs come back (docs/stage.md). */

import { Engine } from "./engine.js";

const PACE = 8; // ms between two views that are sent: pictures do not come faster
const WAITING = 65536; // bytes that may wait to be sent before views are left out
const RETRY = [250, 500, 1000, 2000, 4000]; // ms before the connection is tried again
const FOR_GOOD = 4000; // code of a connection that ends and is not tried again
const LOST = "The connection to the machine that draws was lost; trying again";

/** Asks a stage's server for pictures. */
export class ServerEngine extends Engine {
  /** @param {{base?: string}} [options] base: address of the stage, default the page's own */
  constructor({ base = document.baseURI } = {}) {
    super();
    this.base = new URL("./", base);
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {HTMLCanvasElement | null} */
    this.canvas = null;
    /** @type {ImageBitmap | null} the last picture, for a canvas that was cleared */
    this.bitmap = null;
    this.number = 0; // of the last view that was sent
    this.drawn = -1; // of the view that the last drawn picture answers
    /** @type {Map<number, {view: any, at: number}>} views on their way, with when they were asked for, ms */
    this.asked = new Map();
    /** @type {any} the newest view, and whether it is still to be sent */
    this.view = null;
    this.unsent = false;
    this.askedAt = 0;
    this.sentAt = -Infinity;
    this.timer = 0;
    this.tries = 0;
    this.closed = false;
    /** @type {Map<number, {resolve: (blob: Blob) => void, reject: (error: Error) => void}>} */
    this.keeping = new Map();
    /** @type {Map<string, (told: any) => void>} film -> who waits for it */
    this.films = new Map();
    /** @type {any} the last that was said of a film */
    this.filmTold = null;
  }

  async open() {
    await this.describe();
    await this.connect();
  }

  attach(/** @type {HTMLCanvasElement} */ canvas) {
    this.canvas = canvas;
    if (this.bitmap) this.show(this.bitmap);
  }

  request(/** @type {any} */ view) {
    this.view = view;
    this.askedAt = performance.now();
    this.unsent = true;
    this.send();
  }

  buffered() {
    return [[0, this.clip.frames]];
  }

  async capture() {
    if (!this.view) throw new Error("there is no picture yet");
    const message = this.message("capture", this.view);
    return new Promise((resolve, reject) => {
      if (!this.say(message)) return reject(new Error(LOST));
      this.keeping.set(message.id, { resolve, reject });
    });
  }

  async truth(/** @type {number} */ camera, /** @type {number} */ frame, /** @type {number} */ width) {
    if (!this.clip.capture) return null;
    const answer = await fetch(this.address(`truth/${camera}/${frame}.jpg?width=${Math.max(1, Math.round(width))}`));
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return createImageBitmap(await answer.blob());
  }

  thumbnail(/** @type {number} */ camera) {
    return this.address(`thumbnail/${camera}.jpg`);
  }

  async film(/** @type {any} */ path, /** @type {any} */ { size, fps, onprogress, signal, background }) {
    const body = JSON.stringify({ path, size, fps, ...(background ? { background } : {}) });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(this.address("film"), { method: "POST", headers, body });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const { film } = await answer.json(), address = this.address(`film/${film}`);
    const forget = () => fetch(address, { method: "DELETE", keepalive: true }).catch(() => {});
    addEventListener("pagehide", forget); // nobody else knows it, and it would keep others from theirs
    try {
      await this.finished(film, onprogress, signal);
      const made = await fetch(address, { signal });
      if (!made.ok) throw new Error((await made.text()).trim());
      return await made.blob();
    } finally {
      this.films.delete(film);
      removeEventListener("pagehide", forget);
      forget();
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /** @param {string} path @returns {string} */
  address(path) {
    return new URL(path, this.base).href;
  }

  /** Wait until a film is done. */
  finished(/** @type {string} */ film, /** @type {any} */ onprogress, /** @type {AbortSignal | undefined} */ signal) {
    return new Promise((resolve, reject) => {
      const cancelled = () => reject(new Error("the film was cancelled"));
      if (signal?.aborted) cancelled();
      signal?.addEventListener("abort", cancelled);
      const take = (/** @type {any} */ told) => {
        onprogress?.(told.done / told.all);
        if (told.state === "done") resolve(null);
        else if (told.state !== "running") reject(new Error(told.message || `the film is ${told.state}`));
      };
      this.films.set(film, take);
      if (this.filmTold?.film === film) take(this.filmTold); // it may be done by now
    });
  }

  /** Read what the clip is. */
  async describe() {
    let answer;
    try {
      answer = await fetch(this.address("clip.json"), { cache: "no-store" });
    } catch {
      throw new Error("The machine that draws does not answer; is `dymap view` still running there?");
    }
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const clip = await answer.json();
    clip.boxes = Float32Array.from(clip.boxes);
    if (clip.poster) clip.poster = this.address(clip.poster);
    this.clip = clip;
  }

  /** Open the socket; when it is lost later, it is tried again and again. */
  connect() {
    return new Promise((resolve, reject) => {
      const address = new URL("socket", this.base);
      address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
      const socket = (this.socket = new WebSocket(address));
      let was = false;
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        was = true;
        this.tries = 0;
        resolve(null);
      };
      socket.onmessage = event => (typeof event.data === "string" ? this.told(JSON.parse(event.data)) : this.came(event.data));
      socket.onclose = event => {
        reject(new Error("The machine that draws does not let this page in"));
        for (const { reject: give } of this.keeping.values()) give(new Error(LOST));
        this.keeping.clear();
        this.asked.clear();
        if (event.code === FOR_GOOD) this.tell("error", { message: event.reason, fatal: false });
        else if (was) this.lost();
      };
    });
  }

  /** Try again, by and by. */
  lost() {
    if (this.closed) return;
    if (this.tries === 0) this.tell("error", { message: LOST, fatal: false });
    const wait = RETRY[Math.min(this.tries++, RETRY.length - 1)];
    this.timer = setTimeout(async () => {
      try {
        await this.describe();
        await this.connect();
        this.tell("clip", {});
        if (this.view) this.request(this.view);
      } catch {
        this.lost();
      }
    }, wait);
  }

  /** A view as the server reads it. */
  message(/** @type {string} */ type, /** @type {any} */ view) {
    const { frame, R, T, layer, background, exposure, moving } = view;
    const lens = view.K ? { K: Array.from(view.K), image: [view.width, view.height] } : { fov: view.fov };
    const canvas = [Math.max(1, this.canvas?.width ?? 1), Math.max(1, this.canvas?.height ?? 1)];
    return { type, id: ++this.number, frame, R: Array.from(R), T: Array.from(T), ...lens, canvas, layer, background, exposure, moving };
  }

  /** Send the newest view, unless one was sent just now or the network is full: then soon. */
  send() {
    clearTimeout(this.timer);
    if (!this.unsent || this.socket?.readyState !== WebSocket.OPEN) return;
    const left = this.socket.bufferedAmount > WAITING ? PACE : PACE - (performance.now() - this.sentAt);
    if (left > 0) {
      this.timer = setTimeout(() => this.send(), left);
      return;
    }
    const message = this.message("view", this.view);
    this.asked.set(message.id, { view: this.view, at: this.askedAt });
    this.say(message);
    this.sentAt = performance.now();
    this.unsent = false;
  }

  /** @returns {boolean} whether it could be said */
  say(/** @type {object} */ message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** The server says something. */
  async told(/** @type {any} */ told) {
    if (told.type === "error") {
      const kept = this.keeping.get(told.id);
      this.keeping.delete(told.id);
      if (kept) kept.reject(new Error(told.message));
      else this.tell("error", { message: told.message, fatal: Boolean(told.fatal), lasting: Boolean(told.lasting) });
    } else if (told.type === "film") {
      this.filmTold = told;
      this.films.get(told.film)?.(told);
    } else if (told.type === "clip") {
      await this.describe().then(() => this.tell("clip", {}), error => this.tell("error", { message: error.message, fatal: false }));
    } else if (told.type === "training") {
      const { training, ended, step, steps, loss, psnr } = told;
      Object.assign(this.clip, { training, ended, step, steps, loss, psnr });
      this.tell("clip", {});
    }
  }

  /** A picture comes: the length of its JSON, the JSON, the file. */
  async came(/** @type {ArrayBuffer} */ data) {
    const at = performance.now();
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const blob = new Blob([new Uint8Array(data, 4 + length)], { type: head.mime });
    if (head.kind === "capture") {
      this.keeping.get(head.id)?.resolve(blob);
      this.keeping.delete(head.id);
      return;
    }
    const asked = this.asked.get(head.id);
    for (const id of this.asked.keys()) if (id < head.id || (id === head.id && head.kind === "full")) this.asked.delete(id);
    try {
      const bitmap = await (head.alpha ? withOpacity(blob, head.width, head.height) : createImageBitmap(blob));
      if (head.id >= this.drawn) {
        this.drawn = head.id;
        this.bitmap?.close();
        this.bitmap = bitmap;
        this.show(bitmap);
      }
    } finally {
      this.say({ type: "got", id: head.id });
    }
    if (!asked) return;
    const { queue, render, encode } = head, decode = performance.now() - at;
    const transfer = Math.max(0, at - asked.at - queue - render - encode);
    const ms = { queue, render, encode, transfer, decode, all: performance.now() - asked.at };
    this.tell("picture", { view: asked.view, kind: head.kind, width: head.width, height: head.height, ms, bytes: data.byteLength });
  }

  /** Draw a picture over the whole canvas. */
  show(/** @type {ImageBitmap} */ bitmap) {
    const context = this.canvas?.getContext("2d");
    if (!context || !this.canvas) return;
    const { width, height } = this.canvas;
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
  }
}

/** A transparent picture: its colours, and its opacity in grey on the right. @returns {Promise<ImageBitmap>} */
async function withOpacity(/** @type {Blob} */ blob, /** @type {number} */ width, /** @type {number} */ height) {
  const both = await createImageBitmap(blob);
  const context = /** @type {any} */ (new OffscreenCanvas(2 * width, height).getContext("2d", { willReadFrequently: true }));
  context.drawImage(both, 0, 0);
  both.close();
  const colours = context.getImageData(0, 0, width, height), opacity = context.getImageData(width, 0, width, height).data;
  for (let i = 0; i < opacity.length; i += 4) colours.data[i + 3] = opacity[i];
  return createImageBitmap(colours);
}
