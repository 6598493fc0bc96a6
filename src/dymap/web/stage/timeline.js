// @ts-check
/** The timeline: where in the clip, what is ready, scrubbing; and a line below it with the key views of a film. */

import { make } from "./dom.js";
import { clockOf } from "./playback.js";
import { durationOf, retimed } from "./spline.js";

/** @typedef {import("./state.js").State} State */

const MOST_TICKS = 60;

/**
 * The line of the clip.
 * @param {import("./stage.js").Parts} parts @returns {HTMLElement}
 */
export function makeTimeline({ engine, store, playback }) {
  const { fps, frames } = engine.clip,
    last = Math.max(frames - 1, 1);
  const ready = make("div", { class: "ready" }),
    done = make("div", { class: "done" }),
    knob = make("div", { class: "knob" });
  const bubble = make("output", { class: "bubble", hidden: true });
  const ticks = make("div", { class: "ticks", "aria-hidden": "true" });
  if (frames <= MOST_TICKS) {
    for (let k = 0; k < frames; k++) ticks.append(stretch(k / last, 0));
  }
  const line = make(
    "div",
    {
      class: "line clip-line",
      role: "slider",
      tabindex: "0",
      "aria-label": "Time",
      "aria-valuemin": "0",
      "aria-valuemax": frames - 1,
      "aria-orientation": "horizontal",
      "aria-disabled": frames < 2,
    },
    make("div", { class: "track" }, ready, done, ticks),
    knob,
    bubble,
  );

  let goesOn = false; // it was playing when it was grabbed
  dragAlong(line, {
    begin: () => {
      goesOn = store.state.playing;
      store.set({ scrubbing: true, playing: false, previewing: false });
    },
    move: share => playback.seek(share * (frames - 1)),
    end: () => store.set({ scrubbing: false, playing: goesOn }),
  });
  line.addEventListener("keydown", event => {
    const { frame } = store.state,
      page = Math.max(Math.round(frames / 10), 1);
    const to = {
      ArrowLeft: frame - 1,
      ArrowDown: frame - 1,
      ArrowRight: frame + 1,
      ArrowUp: frame + 1,
      PageDown: frame - page,
      PageUp: frame + page,
      Home: 0,
      End: frames - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    store.set({ playing: false, previewing: false });
    playback.seek(to);
  });

  store.watch(["frame"], ({ frame }) => {
    line.style.setProperty("--at", String(frame / last));
    line.setAttribute("aria-valuenow", String(frame));
    line.setAttribute("aria-valuetext", `frame ${frame} of ${frames}, ${clockOf(frame, fps)}`);
    bubble.textContent = `${frame}`;
  });
  store.watch(["scrubbing"], ({ scrubbing }) => (bubble.hidden = !scrubbing));

  const showReady = () =>
    ready.replaceChildren(
      ...engine.buffered().map(([first, stop]) => {
        const [left, right] = [first, stop - 1].map(frame => Math.min(frame, last) / last);
        return stretch(left, Math.max(right - left, 0));
      }),
    );
  engine.addEventListener("buffer", showReady);
  showReady();
  return line;
}

/** A part of the line. @param {number} from 0 to 1 @param {number} length of it; 0: a tick */
function stretch(from, length) {
  const element = make("i");
  element.style.left = `${100 * from}%`;
  if (length) element.style.width = `${100 * length}%`;
  return element;
}

/**
 * The line of the film: key views as diamonds, which can be chosen and dragged to another time.
 * @param {import("./stage.js").Parts} parts @returns {HTMLElement}
 */
export function makePathLine({ store, motion, actions }) {
  const knob = make("div", { class: "knob" }),
    marks = make("div", { class: "marks" });
  const line = make("div", { class: "line path-line", hidden: true }, make("div", { class: "track" }), marks, knob);
  const length = state => Math.max(durationOf(state.path) * 1.15, 1); // room behind the last, to drag it there

  dragAlong(line, {
    begin: () => store.set({ scrubbing: true, playing: false, previewing: false }),
    move: share =>
      store.state.path.keys.length &&
      motion.showMoment(Math.min(share * length(store.state), durationOf(store.state.path))),
    end: () => store.set({ scrubbing: false }),
  });

  store.watch(["path", "selected", "moment", "tab", "panel"], state => {
    const { path, selected, moment, tab, panel } = state;
    line.hidden = !path.keys.length || !panel || tab !== "path";
    line.style.setProperty("--at", String(moment / length(state)));
    if (marks.children.length !== path.keys.length) marks.replaceChildren(...path.keys.map((_, index) => mark(index)));
    path.keys.forEach((key, index) => {
      const element = /** @type {HTMLElement} */ (marks.children[index]);
      element.style.left = `${(100 * key.at) / length(state)}%`;
      element.setAttribute("aria-label", `Key view ${index + 1} at ${key.at.toFixed(2)} s`);
      element.setAttribute("aria-valuenow", key.at.toFixed(2));
      element.setAttribute("aria-valuetext", `${key.at.toFixed(2)} seconds`);
      element.classList.toggle("chosen", index === selected);
    });
  });

  function mark(index) {
    const element = make("div", {
      class: "mark",
      role: "slider",
      tabindex: "0",
      "aria-valuemin": "0",
      focus: () => store.set({ selected: index }),
    });
    let dragged = false;
    const retime = at => store.set({ path: retimed(store.state.path, index, at), selected: index });
    dragAlong(
      element,
      {
        begin: () => (dragged = false),
        move: (share, moved) => {
          dragged ||= moved;
          if (dragged) retime(share * line.dataset.length);
        },
        end: () => dragged || actions.selectKey(index),
      },
      line,
    );
    element.addEventListener("pointerdown", () => (line.dataset.length = String(length(store.state))));
    element.addEventListener("keydown", event => {
      const way = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 }[event.key];
      if (event.key === "Enter") actions.selectKey(index);
      if (!way) return;
      event.preventDefault();
      retime(store.state.path.keys[index].at + way);
    });
    return element;
  }
  return line;
}

/**
 * Call back while an element is dragged.
 * @param {HTMLElement} element
 * @param {{begin: () => void, move: (share: number, moved: boolean) => void, end: () => void}} follow share: 0 to 1 along the line
 * @param {HTMLElement} [line] along which
 */
function dragAlong(element, follow, line = element) {
  let from = 0,
    moved = false;
  const tell = event => {
    const place = line.getBoundingClientRect(),
      inset = parseFloat(getComputedStyle(line).getPropertyValue("--inset")) || 0;
    moved ||= Math.abs(event.clientX - from) > 4;
    follow.move(Math.min(Math.max((event.clientX - place.left - inset) / (place.width - 2 * inset), 0), 1), moved);
  };
  element.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.preventDefault();
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    [from, moved] = [event.clientX, false];
    follow.begin();
    tell(event);
  });
  element.addEventListener("pointermove", event => element.hasPointerCapture(event.pointerId) && tell(event));
  element.addEventListener("lostpointercapture", () => follow.end());
}
