// @ts-check
/** Everything that a person can do, by key or by button. */

import { dollied, orbited } from "./camera.js";
import { download, fileName } from "./dom.js";
import { nearestCamera, viewOfCamera } from "./framing.js";
import { linkOf } from "./link.js";
import { durationOf, withKey, withoutKey } from "./spline.js";
import { LAYERS } from "./state.js";

const COMPARISONS = ["off", "side", "wipe", "difference"];

/**
 * @param {Omit<import("./stage.js").Parts, "actions">} parts
 */
export function makeActions({ root, engine, store, playback, motion, messages, home, help }) {
  const { clip } = engine;
  const state = () => store.state;
  const following = (list, value) => list[(list.indexOf(value) + 1) % list.length];

  const actions = {
    play: () => playback.toggle(),
    step: count => playback.step(count),
    speed: way => {
      playback.change(way);
      messages.say(`${store.state.speed} ×`);
    },
    /** Turn a setting on or off. */
    flip: name => store.set({ [name]: !state()[name] }),
    level: () => motion.setLevel(!state().level),
    turn: key => {
      const [yaw, pitch] = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, 1], arrowdown: [0, -1] }[key];
      freely(pose => orbited(pose, yaw * 0.12, pitch * 0.12, motion.up));
    },
    closer: nearer => freely(pose => dollied(pose, nearer ? 0.87 : 1 / 0.87, [0, 0])),
    home: () => {
      store.set({ compare: "off", camera: -1 });
      motion.to(home());
    },
    nearest: () => actions.camera(nearestCamera(clip.cameras, motion.destination, clip.box)),
    /** Show what a captured camera saw. */
    camera: index => {
      const camera = clip.cameras[index];
      if (!camera) return;
      motion.to(viewOfCamera(camera, clip.box));
      store.set({ camera: index });
    },
    nextLayer: () => {
      store.set({ layer: following(LAYERS, state().layer) });
      messages.say(state().layer);
    },
    compare: how => {
      if (!clip.capture || !clip.cameras.length) return;
      store.set({ compare: how, layer: "colour", turntable: false });
      if (how !== "off" && state().camera < 0) actions.nearest();
    },
    nextCompare: () => actions.compare(following(COMPARISONS, state().compare)),

    addKey: () => {
      const { path, selected, pose, fov, frame } = state();
      const added = withKey(path, { pose, fov, frame }, selected, 1);
      store.set({
        path: added.path,
        selected: added.index,
        moment: added.path.keys[added.index].at,
        previewing: false,
      });
      if (added.path.keys.length === 1) store.set({ panel: true, tab: "path" });
      messages.say(`Key view ${added.index + 1}${added.index ? "" : ": move the camera and add the next"}`);
    },
    selectKey: index => {
      const key = state().path.keys[index];
      if (!key) return;
      store.set({ selected: index, moment: key.at, frame: key.frame, playing: false });
      motion.to(key);
    },
    deleteKey: () => {
      const { path, selected } = state();
      if (selected < 0) return;
      const shorter = withoutKey(path, selected);
      store.set({ path: shorter, selected: Math.min(selected, shorter.keys.length - 1) });
    },
    /** By key: only where it can be seen. */
    deleteShownKey: () => {
      if (state().panel && state().tab === "path") actions.deleteKey();
    },
    preview: () => {
      const { previewing, path, moment } = state();
      if (path.keys.length < 2) return messages.say("A path needs two key views: K adds one");
      const again = moment >= durationOf(path) - 1e-6;
      store.set({
        previewing: !previewing,
        playing: false,
        turntable: false,
        compare: "off",
        moment: previewing || !again ? moment : 0,
      });
    },

    photo: async () => {
      try {
        download(
          await engine.capture(),
          `${fileName(clip.title || "clip")}_${String(state().frame).padStart(4, "0")}.png`,
        );
        messages.say("Picture saved");
      } catch (error) {
        messages.complain(`The picture could not be saved: ${error.message}`);
      }
    },
    link: async () => {
      history.replaceState(null, "", `#${linkOf(state())}`);
      try {
        await navigator.clipboard.writeText(location.href);
        messages.say("Link copied");
      } catch {
        messages.say("The link is in the address bar"); // browsers copy on secure pages only
      }
    },
    fullScreen: async () => {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await root.requestFullscreen?.().catch(() => messages.say("This browser has no full screen for pages"));
    },
    help: () => help(),
  };

  /** By keys the camera moves as by hand; beside what was filmed it goes from camera to camera. */
  function freely(change) {
    if (state().compare === "off") return motion.move(change);
    const pose = change(change(change(state().pose)));
    const others = clip.cameras
      .map((camera, index) => ({ camera, index }))
      .filter(({ index }) => index !== state().camera);
    const found = nearestCamera(
      others.map(({ camera }) => camera),
      pose,
      clip.box,
    );
    if (found >= 0) actions.camera(others[found].index);
  }

  return actions;
}
