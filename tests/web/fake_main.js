// @ts-check
/** Opens the stage with the fake engine; ?wishes=JSON changes it. For tests `stage` is at hand. */

import { FakeEngine } from "/tests/fake_engine.js";
import { openStage } from "/stage/stage.js";

const wishes = JSON.parse(new URLSearchParams(location.search).get("wishes") ?? "{}");
window.engine = new FakeEngine(wishes);
openStage(document.querySelector("#app"), window.engine).then(
  ({ parts }) => {
    window.stage = parts;
    window.state = () => parts.store.state;
    const first = { ...parts.store.state };
    window.reset = () => {
      [parts.motion.glide, parts.playback.between, window.engine.requested, window.engine.shown] = [null, 0, [], []];
      parts.store.set({ ...first, ...parts.home() });
      parts.messages.clear();
      document.querySelector("dialog").close();
      document.activeElement.blur();
      history.replaceState(null, "", location.pathname + location.search);
    };
  },
  error => (window.failed = error.message),
);
