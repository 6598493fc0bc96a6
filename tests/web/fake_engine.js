// @ts-check
/** An engine for tests: a shaded box on a grid, drawn into a 2D canvas, with the frame's number and the camera's place. */

import { cornersOf } from "/stage/framing.js";
import { centreOf, lensOf, lensOfCamera, lookingAt, projected, translationOf } from "/stage/camera.js";

const FACES = [
  [[0, 1, 3, 2], 0.55],
  [[4, 5, 7, 6], 1],
  [[0, 1, 5, 4], 0.85],
  [[2, 3, 7, 6], 0.6],
  [[0, 2, 6, 4], 0.75],
  [[1, 3, 7, 5], 0.7],
];
const TONES = { colour: [233, 148, 60], depth: [90, 190, 120], opacity: [230, 230, 230], occupancy: [110, 150, 220] };

/** A capture of eight cameras around a figure of a box; `wishes` changes what it is. */
export function madeClip(wishes = {}) {
  const box = new Float32Array([-0.45, -0.3, 0, 0.45, 0.3, 1.75]),
    frames = wishes.frames ?? 48;
  const cameras = Array.from({ length: wishes.cameras ?? 12 }, (_, k) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * k) / 12,
      pose = lookingAt([3.1 * Math.cos(angle), 3.1 * Math.sin(angle), 1.2 + 0.15 * (k % 3)], [0, 0, 0.9], [0, 0, 1]);
    return {
      name: `${wishes.names ?? "camera"} ${String(k).padStart(2, "0")}`,
      K: [420, 0, 255.5, 0, 420, 255.5, 0, 0, 1],
      R: pose.R,
      T: translationOf(pose),
      width: 512,
      height: 512,
      test: k % 4 === 1,
    };
  });
  const boxes = new Float32Array(6 * frames);
  for (let frame = 0; frame < frames; frame++) boxes.set(box, 6 * frame);
  return {
    name: "dancer",
    title: "A dancer turns",
    author: "Somebody",
    licence: "CC BY 4.0",
    fps: 24,
    frames,
    boxes,
    box,
    cameras,
    up: [0, 0, 1],
    poster: null,
    capture: true,
    training: false,
    film: true,
    bytes: 1234567,
    ...wishes.clip,
  };
}

export class FakeEngine extends EventTarget {
  constructor(wishes = {}) {
    super();
    this.wishes = wishes;
    this.requested = []; // views
    this.shown = []; // frames of pictures
    this.ready = wishes.ready ?? [[0, 30]];
    this.filmed = null;
    this.pending = 0;
  }

  async open() {
    if (this.wishes.broken) throw new Error(this.wishes.broken);
    this.clip = madeClip(this.wishes);
  }

  attach(canvas) {
    this.canvas = canvas;
  }

  /** The newest counts; a picture comes with the next one of the screen. */
  request(view) {
    this.requested.push(view);
    [this.view, this.begun] = [view, performance.now()];
    if (this.wishes.decode) return this.decode(view.frame);
    if (!this.wishes.slow) this.pending ||= requestAnimationFrame(() => this.draw());
  }

  /** Frames take time to decode, and one that is no longer wanted is let go of. @param {number} frame */
  decode(frame) {
    if (frame === this.decoding) return;
    clearTimeout(this.timer);
    this.decoding = frame;
    this.timer = setTimeout(() => {
      this.decoding = -1;
      this.draw();
    }, this.wishes.decode);
  }

  draw() {
    const {
      view,
      canvas: { width, height },
    } = this;
    this.pending = 0;
    this.shown.push(view.frame);
    drawScene(this.canvas, view, this.clip, TONES[view.layer]);
    const ms = { queue: 0.4, render: performance.now() - this.begun, encode: 2.1, transfer: 0.8, decode: 1.2 };
    const detail = { view, kind: view.moving ? "draft" : "full", width, height, bytes: 23456, ms };
    this.dispatchEvent(new CustomEvent("picture", { detail }));
  }

  buffered() {
    return this.ready;
  }

  load(ranges) {
    this.ready = ranges;
    this.dispatchEvent(new Event("buffer"));
  }

  async capture() {
    return new Promise(done => this.canvas.toBlob(done, "image/png"));
  }

  async truth(index, frame, width) {
    const camera = this.clip.cameras[index],
      canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, Math.round((width * camera.height) / camera.width)];
    drawScene(canvas, { ...camera, frame, background: [0, 0, 0], exposure: 0 }, this.clip, [225, 140, 72]);
    return createImageBitmap(canvas);
  }

  thumbnail(index) {
    if (this.wishes.thumbnails === false) return null;
    const camera = this.clip.cameras[index],
      canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [96, 96];
    drawScene(canvas, { ...camera, frame: 0, background: [0, 0, 0], exposure: 0 }, this.clip, TONES.colour);
    return canvas.toDataURL("image/png");
  }

  async film(path, { size, fps, onprogress, signal }) {
    this.filmed = { path, size, fps };
    for (let k = 0; k <= 20; k++) {
      onprogress(k / 20);
      await new Promise((done, fail) => {
        setTimeout(done, this.wishes.filmStep ?? 10);
        signal.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError")));
      });
    }
    return new Blob(["film"], { type: "video/mp4" });
  }

  close() {
    this.closed = true;
  }
}

function drawScene(canvas, view, clip, tone) {
  const context = canvas.getContext("2d"),
    { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  if (view.background) {
    context.fillStyle = `rgb(${view.background.map(value => Math.round(255 * value))})`;
    context.fillRect(0, 0, width, height);
  }
  const lens = view.K ? lensOfCamera(view, width, height) : lensOf(view.fov, width, height);
  const pose = { position: centreOf(view), R: view.R, distance: 1 };
  const light = 2 ** view.exposure,
    bright = (view.background?.[0] ?? 0) > 0.7;
  context.strokeStyle = bright ? "#0003" : "#fff3";
  context.lineWidth = Math.max(height / 700, 1);
  for (let k = -4; k <= 4; k++) {
    line(
      context,
      [
        [k / 2, -2, 0],
        [k / 2, 2, 0],
      ],
      pose,
      lens,
    );
    line(
      context,
      [
        [-2, k / 2, 0],
        [2, k / 2, 0],
      ],
      pose,
      lens,
    );
  }
  const turn = (2 * Math.PI * view.frame) / clip.frames,
    [c, s] = [Math.cos(turn), Math.sin(turn)];
  for (const [box, shade] of [
    [[-0.16, -0.1, 0, 0.16, 0.1, 0.8], 0.8],
    [[-0.24, -0.13, 0.8, 0.24, 0.13, 1.4], 1],
    [[-0.11, -0.11, 1.44, 0.11, 0.11, 1.7], 1.15],
  ]) {
    const corners = cornersOf(box).map(([x, y, z]) => projected([c * x - s * y, s * x + c * y, z], pose, lens));
    if (corners.some(corner => corner[2] < 0.05)) continue;
    const faces = FACES.map(([face, own]) => ({
      face,
      own,
      far: face.reduce((sum, k) => sum + corners[k][2], 0),
    })).sort((a, b) => b.far - a.far);
    for (const { face, own } of faces) {
      context.fillStyle = `rgb(${tone.map(value => Math.min(Math.round(value * own * shade * light * 0.9), 255))})`;
      context.beginPath();
      face.forEach(k => context.lineTo(corners[k][0], corners[k][1]));
      context.closePath();
      context.fill();
    }
  }
}

function line(context, ends, pose, lens) {
  const [a, b] = ends.map(point => projected(point, pose, lens));
  if (a[2] < 0.05 || b[2] < 0.05) return;
  context.beginPath();
  context.moveTo(a[0], a[1]);
  context.lineTo(b[0], b[1]);
  context.stroke();
}
