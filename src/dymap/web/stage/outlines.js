// @ts-check
/** Lines over the picture: the box, the captured cameras as frusta with their names, the camera path. */

import { centreOf, projected } from "./camera.js";
import { shortened } from "./dom.js";
import { cornersOf, middleOf } from "./framing.js";
import { pathAt, durationOf } from "./spline.js";
import { minus, norm, plus, rotated, scaled, unrotated } from "./vectors.js";

/** @typedef {import("./camera.js").Pose} Pose */
/** @typedef {import("./camera.js").Lens} Lens */

const EDGES = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
  [0, 2],
  [1, 3],
  [4, 6],
  [5, 7],
  [0, 4],
  [1, 5],
  [2, 6],
  [3, 7],
];
const NEAR = 0.01; // metres: nothing nearer is drawn
const SIZE = 0.06; // of a frustum, of the camera's distance from the subject
const VEIL = 0.3; // of the distance from the subject: who is nearer to a camera does not see it
const LETTERS = 14; // of a name
const REACH = 16; // CSS pixels around a camera that belong to it
const ACCENT = "#f2a541",
  QUIET = "#d9d3c6";

/** Draws lines, and knows which camera is where. */
export class Outlines {
  /** @param {HTMLCanvasElement} canvas @param {any} clip */
  constructor(canvas, clip) {
    this.canvas = canvas;
    this.clip = clip;
    this.hovered = -1;
    /** @type {{index: number, x: number, y: number}[]} */
    this.spots = [];
  }

  /**
   * Draw what the state wants.
   * @param {import("./state.js").State} state @param {Pose} pose @param {Lens} lens CSS pixels
   * @param {number} width CSS pixels @param {number} height @param {number} ratio device pixels a CSS pixel
   */
  draw(state, pose, lens, width, height, ratio) {
    const context = this.canvas.getContext("2d");
    const [w, h] = [Math.max(Math.round(width * ratio), 1), Math.max(Math.round(height * ratio), 1)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineJoin = context.lineCap = "round";
    this.spots = [];
    const line = (from, to) => segment(context, from, to, pose, lens);
    if (state.outline) this.drawBox(context, line, state.frame);
    if (state.frusta) this.drawFrusta(context, line, state, pose, lens, width, height);
    if (state.panel && state.tab === "path" && !state.previewing) this.drawPath(context, line, state, pose, lens);
  }

  drawBox(context, line, frame) {
    const corners = cornersOf(this.clip.boxes.subarray(6 * frame, 6 * frame + 6));
    stroke(context, "#ffffffa0", 1.25, () => EDGES.forEach(([a, b]) => line(corners[a], corners[b])));
  }

  drawFrusta(context, line, state, pose, lens, width, height) {
    const middle = middleOf(this.clip.box);
    this.clip.cameras.forEach((camera, index) => {
      const centre = centreOf(camera),
        away = norm(minus(centre, middle)),
        size = SIZE * away;
      if (norm(minus(centre, pose.position)) < VEIL * away) return; // it would veil the picture
      const chosen = index === state.camera || index === this.hovered;
      const corners = [
        [0, 0],
        [camera.width, 0],
        [camera.width, camera.height],
        [0, camera.height],
      ].map(([x, y]) =>
        plus(
          centre,
          unrotated(camera.R, scaled([(x - camera.K[2]) / camera.K[0], (y - camera.K[5]) / camera.K[4], 1], size)),
        ),
      );
      stroke(context, "#000000a0", chosen ? 4.5 : 3.5, () => frustum(line, centre, corners));
      stroke(context, chosen ? ACCENT : QUIET, chosen ? 2 : 1.25, () => frustum(line, centre, corners));
      const [x, y, z] = projected(centre, pose, lens);
      if (z < NEAR || x < 0 || y < 0 || x > width || y > height) return;
      this.spots.push({ index, x, y });
      const top = Math.min(y, ...corners.map(corner => projected(corner, pose, lens)[1]));
      label(context, shortened(camera.name || `camera ${index + 1}`, LETTERS), x, top - 7, chosen ? ACCENT : QUIET);
    });
  }

  drawPath(context, line, state, pose, lens) {
    const { path } = state;
    if (path.keys.length > 1) {
      const end = durationOf(path),
        points = Array.from({ length: 97 }, (_, k) => pathAt(path, (end * k) / 96, this.clip).pose.position);
      stroke(context, "#000000a0", 4, () => points.slice(1).forEach((point, k) => line(points[k], point)));
      stroke(context, ACCENT, 1.75, () => points.slice(1).forEach((point, k) => line(points[k], point)));
    }
    path.keys.forEach((key, index) => {
      const [x, y, z] = projected(key.pose.position, pose, lens);
      if (z < NEAR) return;
      context.beginPath();
      context.arc(x, y, index === state.selected ? 7 : 5, 0, 7);
      context.fillStyle = index === state.selected ? ACCENT : "#14130f";
      context.fill();
      stroke(context, ACCENT, 1.75, () => context.arc(x, y, index === state.selected ? 7 : 5, 0, 7));
      label(context, String(index + 1), x, y - 12, ACCENT);
    });
  }

  /** @param {number} x CSS pixels in the picture @param {number} y @returns {number} index of the camera there, -1: none */
  cameraAt(x, y) {
    let best = -1,
      least = REACH;
    for (const spot of this.spots) {
      const distance = Math.hypot(spot.x - x, spot.y - y);
      if (distance < least) [best, least] = [spot.index, distance];
    }
    return best;
  }
}

function frustum(line, centre, corners) {
  corners.forEach((corner, k) => {
    line(centre, corner);
    line(corner, corners[(k + 1) % 4]);
  });
}

function stroke(context, colour, width, draw) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  draw();
  context.stroke();
}

/** A line of the world, cut off where it comes too near. */
function segment(context, from, to, pose, lens) {
  let [a, b] = [from, to].map(point => rotated(pose.R, minus(point, pose.position)));
  if (a[2] < NEAR && b[2] < NEAR) return;
  if (a[2] < NEAR || b[2] < NEAR) {
    const share = (NEAR - a[2]) / (b[2] - a[2]),
      cut = [0, 1, 2].map(k => a[k] + (b[k] - a[k]) * share);
    [a, b] = a[2] < NEAR ? [cut, b] : [a, cut];
  }
  const place = (/** @type {number[]} */ [x, y, z]) => [lens.cx + (lens.fx * x) / z, lens.cy + (lens.fy * y) / z];
  const [[x0, y0], [x1, y1]] = [place(a), place(b)];
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

function label(context, text, x, y, colour) {
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.lineWidth = 3;
  context.strokeStyle = "#000000c0";
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
