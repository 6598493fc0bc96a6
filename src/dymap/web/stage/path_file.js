// @ts-check
/**
 * Camera paths as files: the JSON that `dymap render --cameras` takes.
 *
 * A path is saved as the cameras of all its images, and beside them its key views, which only this page reads. Read are
 * such files, paths of `dymap render --save-cameras`, transforms.json and nerfstudio's camera_path; all of it is checked.
 */

import { centreOf, lensOf, translationOf } from "./camera.js";
import { middleOf } from "./framing.js";
import { imagesOf, LONGEST, pathAt } from "./spline.js";
import { cross, dot, limited, minus, norm, toQuaternion, toRotation } from "./vectors.js";

/** @typedef {import("./spline.js").Path} Path */
/** @typedef {import("./spline.js").Key} Key */
/** @typedef {{fps: number, frames: number, box: ArrayLike<number>}} Clip */

export const MAX_FILE_BYTES = 64 * 2 ** 20;
const MAX_CAMERAS = 100_000,
  MAX_KEYS = 1000;
const KEPT = 24; // key views that are made of a file that names none
const FARTHEST = 1e6; // metres, along each axis
const PATH_LENSES = [0.001, 3.1]; // radians: what engines draw

/**
 * @param {Path} path of at least one key view @param {Clip} clip @param {number} width pixels @param {number} height
 * @returns {any} as JSON
 */
export function toCameraFile(path, clip, width, height) {
  const cameras = Array.from({ length: imagesOf(path) }, (_, index) => {
    const { pose, fov, frame } = pathAt(path, path.keys[0].at + index / path.fps, clip);
    const { fx, fy, cx, cy } = lensOf(fov, width, height),
      { R } = pose;
    return {
      name: "",
      K: [
        [fx, 0, cx],
        [0, fy, cy],
        [0, 0, 1],
      ],
      R: [R.slice(0, 3), R.slice(3, 6), R.slice(6)],
      T: translationOf(pose),
      width,
      height,
      pixel_offset: 0.5,
      frame,
    };
  });
  const keys = path.keys.map(({ at, frame, pose, fov }) => ({ at, frame, ...pose, fov }));
  return { format: "dymap-cameras", version: 1, cameras, keys, time: path.time, fps: path.fps };
}

/**
 * @param {string} text of a file @param {Clip} clip @returns {Path}
 * @throws Error that says in a sentence what is wrong
 */
export function fromCameraFile(text, clip) {
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error("The file is not JSON.");
  }
  const fps = isNumber(data?.fps) && data.fps >= 1 && data.fps <= 100 ? data.fps : clip.fps;
  if (data?.format === "dymap-cameras") {
    if (data.version !== 1)
      throw new Error(`The file is of version ${String(data.version).slice(0, 20)}; this page reads 1.`);
    if (Array.isArray(data.keys)) return withKeys(data, fps, clip);
    return ofCameras(list(data.cameras, "cameras"), savedKey, fps, clip);
  }
  if (data && typeof data === "object" && "frames" in data) {
    const read = (entry, where) => nerfKey({ ...data, ...entry }, where, clip);
    return ofCameras(list(data.frames, "frames"), read, fps, clip);
  }
  if (data && typeof data === "object" && "camera_path" in data) {
    return ofCameras(list(data.camera_path, "camera_path"), studioKey, fps, clip);
  }
  throw new Error(
    "The file is neither a path of dymap, nor a transforms.json (frames), nor a camera_path of nerfstudio.",
  );
}

/** @returns {Path} of the key views that this page saved */
function withKeys(data, fps, clip) {
  const keys = list(data.keys, "keys", MAX_KEYS).map((entry, index) => {
    const where = `keys[${index}]`,
      position = numbers(entry?.position, 3, `${where}.position`);
    const R = rotationOf(numbers(entry.R, 9, `${where}.R`), `${where}.R`);
    const [at, distance, fov] = ["at", "distance", "fov"].map(name =>
      positive(entry[name], `${where}.${name}`, name === "at"),
    );
    if (at > LONGEST) throw new Error(`${where}.at is ${at} s, expected ${LONGEST} at most.`);
    if (distance > 2 * FARTHEST) throw new Error(`${where}.distance is ${distance} m, expected ${2 * FARTHEST} at most.`);
    checkView(position, fov, where);
    return { at, frame: frameOf(entry.frame, where, clip) ?? 0, pose: { position, R, distance }, fov };
  });
  if (keys.some((key, index) => index > 0 && key.at <= keys[index - 1].at))
    throw new Error("keys are not in the order of time.");
  const begin = keys[0].at;
  return { keys: keys.map(key => ({ ...key, at: key.at - begin })), time: data.time === "keys" ? "keys" : "runs", fps };
}

/** @returns {Path} some of a row of cameras, one an image, as key views */
function ofCameras(entries, read, fps, clip) {
  const cameras = entries.map((entry, index) => read(entry, `camera ${index}`, clip));
  const count = Math.min(cameras.length, KEPT),
    last = cameras.length - 1;
  const keys = Array.from({ length: count }, (_, k) => {
    const index = count > 1 ? Math.round((k * last) / (count - 1)) : 0,
      { frame, ...view } = cameras[index];
    return { ...view, frame: frame ?? 0, at: index / fps };
  });
  const first = cameras[0].frame;
  const runs = cameras.every(
    ({ frame }, index) =>
      frame === undefined || frame === ((first ?? 0) + Math.floor((index / fps) * clip.fps + 1e-6)) % clip.frames,
  );
  return { keys, time: runs ? "runs" : "keys", fps };
}

/** A camera of dymap's own form. */
function savedKey(entry, where, clip) {
  const K = matrix(entry?.K, 3, `${where}: K`),
    R = rotationOf(matrix(entry.R, 3, `${where}: R`), `${where}: R`);
  const T = numbers(entry.T, 3, `${where}: T`),
    height = positive(entry.height, `${where}: height`);
  if (!(K[4] > 0)) throw new Error(`${where}: K has a focal length of ${K[4]}, expected more than 0.`);
  return view(centreOf({ R, T }), R, 2 * Math.atan(height / 2 / K[4]), frameOf(entry.frame, where, clip), where, clip);
}

/** A camera of a transforms.json: camera to world. */
function nerfKey(entry, where, clip) {
  const rows = entry.transform_matrix;
  if (!Array.isArray(rows) || rows.length < 3)
    throw new Error(`${where}: transform_matrix is missing, expected 4 x 4 numbers.`);
  const M = rows.slice(0, 3).flatMap((row, k) => numbers(row, 4, `${where}: transform_matrix[${k}]`));
  const tall = isNumber(entry.fl_y) ? entry.fl_y : entry.fl_x;
  const angle = isNumber(entry.camera_angle_y)
    ? entry.camera_angle_y
    : isNumber(tall) && isNumber(entry.h)
      ? 2 * Math.atan(entry.h / 2 / tall)
      : entry.camera_angle_x;
  return openGlKey(M, angle, entry.time, entry.frame, where, clip);
}

/** A camera of nerfstudio's viewer: camera to world in 16 numbers, degrees. */
function studioKey(entry, where, clip) {
  const M = numbers(entry?.camera_to_world, 16, `${where}: camera_to_world`);
  return openGlKey(M, (entry.fov * Math.PI) / 180, entry.render_time, undefined, where, clip);
}

/** M: camera to world, row by row, y up, z backwards; angle: vertical, radians; time: 0 to 1. */
function openGlKey(M, angle, time, frame, where, clip) {
  const R = rotationOf([M[0], M[4], M[8], -M[1], -M[5], -M[9], -M[2], -M[6], -M[10]], where);
  if (!isNumber(angle) || angle <= 0 || angle >= Math.PI)
    throw new Error(`${where}: no lens; expected fl_x with w and h, camera_angle_x, or fov.`);
  const at = isNumber(time) ? Math.round(limited(time, 0, 1) * (clip.frames - 1)) : undefined;
  return view([M[3], M[7], M[11]], R, angle, frameOf(frame, where, clip) ?? at, where, clip);
}

/** What would be refused by the engine, image after image. */
function checkView(position, fov, where) {
  if (position.some(value => Math.abs(value) > FARTHEST))
    throw new Error(`${where} is more than ${FARTHEST} m from the origin.`);
  if (!(fov >= PATH_LENSES[0] && fov <= PATH_LENSES[1]))
    throw new Error(`${where} has a lens of ${fov} radians, expected ${PATH_LENSES[0]} to ${PATH_LENSES[1]}.`);
}

function view(position, R, fov, frame, where, clip) {
  checkView(position, fov, where);
  const way = minus(middleOf(clip.box), position),
    ahead = dot(way, R.slice(6));
  return { pose: { position, R, distance: ahead > 0.1 ? ahead : Math.max(norm(way), 0.1) }, fov, frame };
}

const isNumber = value => typeof value === "number" && Number.isFinite(value);

function list(value, name, most = MAX_CAMERAS) {
  if (!Array.isArray(value) || value.length < 1 || value.length > most)
    throw new Error(`${name} is not a list of 1 to ${most} entries.`);
  return value;
}

function numbers(value, count, where) {
  if (!Array.isArray(value) || value.length !== count || !value.every(isNumber))
    throw new Error(`${where} is not ${count} finite numbers.`);
  return value;
}

function matrix(value, size, where) {
  if (!Array.isArray(value) || value.length !== size) throw new Error(`${where} is not ${size} x ${size} numbers.`);
  return value.flatMap((row, k) => numbers(row, size, `${where}[${k}]`));
}

function positive(value, where, zero = false) {
  if (!isNumber(value) || value < 0 || (!zero && value === 0))
    throw new Error(`${where} is ${String(value).slice(0, 30)}, expected more than 0.`);
  return value;
}

function frameOf(value, where, clip) {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < 0 || value >= clip.frames) {
    throw new Error(
      `${where}: frame ${String(value).slice(0, 20)} is outside the clip: it has positions 0 to ${clip.frames - 1}.`,
    );
  }
  return value;
}

/** The rotation that rounded numbers stand for. */
function rotationOf(R, where) {
  const rows = [R.slice(0, 3), R.slice(3, 6), R.slice(6)];
  const error = Math.max(
    ...rows.flatMap((row, k) => rows.map((other, j) => Math.abs(dot(row, other) - (j === k ? 1 : 0)))),
  );
  if (!(error < 1e-2) || dot(cross(rows[0], rows[1]), rows[2]) < 0) throw new Error(`${where} holds no rotation.`);
  return error < 1e-9 ? R : toRotation(toQuaternion(R));
}
