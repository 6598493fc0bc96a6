// @ts-check
/** The tab "Path": key views in a list, preview, files, and the film. */

import { choice, download, iconButton, make, section, textButton } from "./dom.js";
import { makeFilm } from "./film.js";
import { fromCameraFile, MAX_FILE_BYTES, toCameraFile } from "./path_file.js";
import { reordered, retimed } from "./spline.js";

/** @param {import("./stage.js").Parts} parts @returns {HTMLElement} */
export function makePathEditor(parts) {
  const { store, actions, engine, messages } = parts,
    { clip } = engine;
  const list = make("ol", { class: "keys", "aria-label": "Key views" });
  const empty = make(
    "p",
    { class: "hint" },
    "Choose a view and a moment, and add it. The camera goes smoothly from each key view to the next.",
  );
  const time = choice(
    "The clip's time in the film",
    [
      ["runs", "Runs on"],
      ["keys", "As in key views"],
    ],
    value => store.set({ path: { ...store.state.path, time: /** @type {any} */ (value) } }),
  );
  const preview = textButton("Preview", actions.preview, { icon: "play" });
  const film = makeFilm(parts);
  const file = make("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: true,
    "aria-label": "Camera path to load",
    change: () => load(),
  });
  const save = textButton(
    "Save",
    () => {
      const { width, height } = film.size();
      const text = JSON.stringify(toCameraFile(store.state.path, clip, width, height));
      download(new Blob([text], { type: "application/json" }), film.pathName());
      messages.say("Path saved");
    },
    { icon: "save" },
  );

  async function load() {
    const chosen = file.files[0];
    file.value = "";
    if (!chosen) return;
    try {
      if (chosen.size > MAX_FILE_BYTES) throw new Error("The file is larger than a file of cameras can be.");
      const path = fromCameraFile(await chosen.text(), clip);
      store.set({ path, selected: -1, moment: 0, previewing: false });
      messages.say(`${path.keys.length} key views loaded`);
    } catch (error) {
      messages.complain(`${chosen.name} cannot be loaded: ${error.message}`);
    }
  }

  store.watch(["path", "selected"], ({ path, selected }) => {
    const held = list.contains(document.activeElement) ? focusPlace() : null;
    list.replaceChildren(...path.keys.map((key, index) => row(key, index, path, selected)));
    if (held) (list.children[held.row] ?? list.lastElementChild)?.querySelector(held.what)?.focus();
    empty.hidden = path.keys.length > 0;
    time.element.hidden = path.keys.length < 2;
    time.show(path.time);
    save.disabled = !path.keys.length;
    preview.disabled = path.keys.length < 2;
  });
  store.watch(
    ["previewing"],
    ({ previewing }) => (preview.lastElementChild.textContent = previewing ? "Stop" : "Preview"),
  );

  function focusPlace() {
    const element = /** @type {HTMLElement} */ (document.activeElement),
      entry = element.closest("li");
    return { row: [...list.children].indexOf(entry), what: `[data-what="${element.dataset.what}"]` };
  }

  function row(key, index, path, selected) {
    const change = patch =>
      store.set({
        path: { ...path, keys: path.keys.map((one, k) => (k === index ? { ...one, ...patch } : one)) },
        selected: index,
      });
    const at = make("input", {
      type: "number",
      min: 0,
      step: 0.1,
      value: Number(key.at.toFixed(2)),
      disabled: index === 0,
      "data-what": "at",
      "aria-label": `Second of key view ${index + 1}`,
      change: () =>
        Number.isFinite(at.valueAsNumber) &&
        store.set({ path: retimed(path, index, at.valueAsNumber), selected: index }),
    });
    const shift = (way, name, label) =>
      iconButton(
        name,
        `${label} key view ${index + 1}`,
        null,
        () => store.set({ path: reordered(path, index, index + way), selected: index + way }),
        { disabled: index + way < 0 || index + way >= path.keys.length, "data-what": name },
      );
    const remove = () => {
      store.set({ selected: index });
      actions.deleteKey();
    };
    return make(
      "li",
      { class: index === selected ? "chosen" : "" },
      make(
        "button",
        {
          type: "button",
          class: "key",
          "data-what": "key",
          "aria-pressed": String(index === selected),
          click: () => actions.selectKey(index),
        },
        make("b", {}, String(index + 1)),
        make("span", {}, `frame ${key.frame}`),
      ),
      make("label", { class: "seconds" }, at, "s"),
      iconButton(
        "update",
        `Set key view ${index + 1} to the present view`,
        null,
        () => change({ pose: store.state.pose, fov: store.state.fov, frame: store.state.frame }),
        { "data-what": "update" },
      ),
      shift(-1, "up", "Earlier:"),
      shift(1, "down", "Later:"),
      iconButton("trash", `Delete key view ${index + 1}`, null, remove, { "data-what": "trash" }),
    );
  }

  return make(
    "div",
    {},
    section(
      "Key views",
      empty,
      list,
      make(
        "div",
        { class: "row" },
        textButton("Add this view", actions.addKey, { icon: "add", class: "accent" }),
        preview,
      ),
      time.element,
    ),
    section(
      "File",
      make(
        "div",
        { class: "row" },
        save,
        textButton("Load", () => file.click(), { icon: "open" }),
        file,
      ),
    ),
    film.element,
  );
}
