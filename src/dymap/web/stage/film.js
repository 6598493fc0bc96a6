// @ts-check
/** The film of a camera path: rendered by the engine if it can; otherwise the command that renders it. */

import { download, fileName, make, section, select, textButton } from "./dom.js";
import { toCameraFile } from "./path_file.js";
import { durationOf, imagesOf } from "./spline.js";

const SIZES = [
  [1280, 720],
  [1920, 1080],
  [720, 1280],
  [1080, 1080],
  [512, 512],
  [256, 256],
];
const NO_FILM = "No film can be made here. Save the path, and render it where dymap is installed:";
const RATES = [24, 25, 30, 50, 60];

/**
 * @param {import("./stage.js").Parts} parts
 * @returns {{element: HTMLElement, size: () => {width: number, height: number}, pathName: () => string}}
 */
export function makeFilm({ store, engine, messages }) {
  const { clip } = engine;
  let [width, height] = SIZES[0];
  /** @type {AbortController | null} */
  let job = null;
  const pathName = () => `${fileName(clip.title || "clip")}_path.json`;
  const size = select(
    "Size of the film",
    SIZES.map(([w, h]) => [`${w} ${h}`, `${w} × ${h}`]),
    value => {
      [width, height] = value.split(" ").map(Number);
      show(store.state.path);
    },
  );
  const rates = [...new Set([...RATES, Math.round(clip.fps)])].sort((a, b) => a - b);
  const rate = select(
    "Images a second",
    rates.map(one => [String(one), `${one} a second`]),
    value => store.set({ path: { ...store.state.path, fps: Number(value) } }),
  );
  const facts = make("p", { class: "hint" });
  const command = make("code", { class: "command", tabindex: "0", "aria-label": "Command that renders the film" });
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Film" }),
    percent = make("output", {});
  const begin = textButton("Render MP4", () => render(), { icon: "film", class: "accent" });
  const cancel = textButton("Cancel", () => job?.abort(), { icon: "close" });
  const running = make("div", { class: "running", hidden: true }, bar, percent, cancel);

  async function render() {
    job = new AbortController();
    [begin.hidden, running.hidden] = [true, false];
    progress(0);
    try {
      const path = store.state.path,
        cameras = toCameraFile(path, clip, width, height);
      const film = await engine.film(cameras, {
        size: [width, height],
        fps: path.fps,
        onprogress: progress,
        signal: job.signal,
      });
      download(film, `${fileName(clip.title || "clip")}.mp4`);
      messages.say("Film saved");
    } catch (error) {
      if (job.signal.aborted) messages.say("Film cancelled");
      else messages.complain(`The film was not rendered: ${error.message}`);
    }
    job = null;
    [begin.hidden, running.hidden] = [false, true];
  }

  /** @param {number} share 0 to 1 */
  function progress(share) {
    bar.value = share;
    percent.textContent = `${Math.floor(100 * share)} %`;
  }

  function show(path) {
    const enough = path.keys.length > 0;
    facts.textContent = enough
      ? `${imagesOf(path)} images, ${durationOf(path).toFixed(1)} s`
      : "A film needs key views.";
    begin.disabled = !enough;
    command.textContent = `dymap render RUN --cameras ${pathName()} --size ${width} ${height} --fps ${path.fps}`;
    size.show(`${width} ${height}`);
    rate.show(String(path.fps));
  }

  store.watch(["path"], ({ path }) => {
    if (!rates.includes(path.fps)) rate.element.append(make("option", { value: path.fps }, `${path.fps} a second`));
    show(path);
  });
  const how = clip.film
    ? make("div", { class: "row" }, begin)
    : make("div", {}, make("p", { class: "hint" }, NO_FILM), command);
  return {
    element: section("Film", make("div", { class: "row" }, size.element, rate.element), facts, how, running),
    size: () => ({ width, height }),
    pathName,
  };
}
