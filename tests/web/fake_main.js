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
  },
  error => (window.failed = error.message),
);
