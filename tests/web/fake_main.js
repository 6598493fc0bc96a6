// @ts-check
/** Opens the stage with the fake engine; ?wishes=JSON changes it. For tests `stage` is at hand, with `reset` and `play`. */

import { FakeEngine } from "/tests/fake_engine.js";
import { openStage } from "/stage/stage.js";

const wishes = JSON.parse(new URLSearchParams(location.search).get("wishes") ?? "{}");
window.engine = new FakeEngine(wishes);
openStage(document.querySelector("#app"), window.engine).then(
  ({ parts }) => {
    window.stage = parts;
    window.state = () => parts.store.state;
    const first = { ...parts.store.state };
    window.reset = async () => {
      [parts.motion.glide, parts.playback.between, window.engine.requested] = [null, 0, []];
      parts.store.set({ ...first, ...parts.home() });
      parts.messages.clear();
      document.querySelector("dialog").close();
      document.activeElement.blur();
      history.replaceState(null, "", location.pathname + location.search);
      parts.requests.again();
      await rest(parts);
      window.engine.shown = [];
    };
    window.play = pictures => playOnAScreen(parts, window, pictures);
  },
  error => (window.failed = error.message),
);

/** Until nothing is left to show. @param {import("/stage/stage.js").Parts} parts */
async function rest({ loop, engine }) {
  do await new Promise(requestAnimationFrame);
  while (loop.waiting || engine.pending);
}

/**
 * Play on a screen of 60 pictures a second, however slow this machine is, and pause.
 * @param {import("/stage/stage.js").Parts} parts @param {any} screen of which requestAnimationFrame is replaced meanwhile
 * @param {number} pictures of the screen @returns {Promise<number[]>} the frame that was due at each
 */
async function playOnAScreen(parts, screen, pictures) {
  await rest(parts);
  const { store, engine } = parts,
    { requestAnimationFrame } = screen,
    begun = performance.now(),
    waiting = [],
    due = [];
  screen.requestAnimationFrame = callback => waiting.push(callback);
  store.set({ playing: true });
  engine.shown = [];
  for (let k = 0; k < pictures; k++) {
    for (const callback of waiting.splice(0)) callback(begun + (k * 1000) / 60);
    due.push(store.state.frame);
  }
  store.set({ playing: false });
  for (const callback of waiting.splice(0)) callback(begun + (pictures * 1000) / 60);
  screen.requestAnimationFrame = requestAnimationFrame;
  waiting.forEach(callback => requestAnimationFrame(callback));
  return due;
}
