// @ts-check
/** The clip with a ring around it: what the player shows, once more, by three.js. */

import * as THREE from "three";
import { ClipLayer } from "./clip_layer.js";

const player = /** @type {any} */ (document.querySelector("dymap-player"));
const renderer = new THREE.WebGLRenderer({ canvas: /** @type {HTMLCanvasElement} */ (document.querySelector("canvas")), antialias: true, alpha: true });
const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(40, 1, 0.05, 100), clip = new ClipLayer();
const ring = new THREE.Mesh(new THREE.TorusGeometry(0.75, 0.05, 24, 96), new THREE.MeshStandardMaterial({ color: "#f2a541", roughness: 0.4 }));
const sun = new THREE.DirectionalLight("white", 2.5);
scene.add(clip, ring, sun, new THREE.AmbientLight("white", 0.8));

player.addEventListener("ready", () => {
  const { camera: { target, up, position } } = player;
  ring.position.fromArray(target);
  ring.quaternion.setFromUnitVectors(new THREE.Vector3(0, 0, 1), new THREE.Vector3(...up).applyAxisAngle(new THREE.Vector3(1, 0, 0), 0.25));
  sun.position.set(...position).addScaledVector(new THREE.Vector3(...up), 3);
  draw();
});

/** One picture after the other: first the clip's numbers, then all of it from the same camera. */
async function draw() {
  const [width, height] = [innerWidth, innerHeight], share = width > 400 ? 0.5 : 1;
  clip.show(await player.numbers(Math.round(width * share), Math.round(height * share)), camera);
  camera.aspect = width / height;
  renderer.setSize(width, height, false);
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  renderer.render(scene, camera);
  drawn++;
  requestAnimationFrame(draw);
}

let drawn = 0; // pictures
Object.assign(window, { composition: { scene, camera, ring, clip, renderer, get drawn() { return drawn; } } }); // for the console
