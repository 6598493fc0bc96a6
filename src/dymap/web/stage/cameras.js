// @ts-check
/** The tab "Cameras": the captured ones in a list, and the comparison with what they filmed. */

import { choice, keyCap, make, section, shortened, textButton, toggle } from "./dom.js";
import { nearestCamera } from "./framing.js";

/** @param {import("./stage.js").Parts} parts @returns {HTMLElement} */
export function makeCameras({ store, actions, engine }) {
  const { clip } = engine;
  const frusta = toggle("Show in the picture", "C", on => store.set({ frusta: on }));
  store.watch(["frusta"], state => frusta.show(state.frusta));
  if (!clip.cameras.length)
    return make("div", {}, section("Captured cameras", make("p", { class: "hint" }, "This clip names none.")));

  const entries = clip.cameras.map((camera, index) => entry(camera, index, actions));
  fillWhenSeen(entries, engine);
  const list = make("ul", { class: "cameras" }, ...entries.map(button => make("li", {}, button)));
  store.watch(["camera", "pose", "panel", "tab"], state => {
    if (!state.panel || state.tab !== "cameras") return;
    const near = nearestCamera(clip.cameras, state.pose, clip.box);
    entries.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === state.camera));
      button.classList.toggle("near", index === near);
    });
  });

  return make(
    "div",
    {},
    clip.capture ? section("Compare with what was filmed", comparison(store, actions)) : null,
    section(
      `Captured cameras`,
      frusta.element,
      make("div", { class: "row" }, textButton("Nearest", actions.nearest, { icon: "nearest" })),
      list,
    ),
  );
}

function comparison(store, actions) {
  const how = choice(
    "Comparison",
    [
      ["off", "Off"],
      ["side", "Side by side"],
      ["wipe", "Wipe"],
      ["difference", "Difference"],
    ],
    actions.compare,
  );
  how.element.classList.add("plain");
  const hint = make("p", { class: "hint" });
  store.watch(["compare"], ({ compare }) => {
    how.show(compare);
    hint.hidden = compare === "off";
    hint.textContent = `${compare === "difference" ? "What differs, four times as bright. " : ""}Turn the picture: it goes to the nearest camera.`;
  });
  return make("div", {}, how.element, hint);
}

function entry(camera, index, actions) {
  const name = camera.name || `camera ${index + 1}`;
  return make(
    "button",
    { type: "button", class: "camera", click: () => actions.camera(index), "aria-pressed": "false" },
    make("span", { class: "no-picture", "aria-hidden": "true" }),
    make("span", { class: "camera-name", title: name }, shortened(name, camera.test ? 12 : 16)),
    camera.test ? make("span", { class: "badge" }, "test") : null,
    index < 9 ? keyCap(String(index + 1)) : null,
  );
}

/** Ask for the small pictures of entries when they come into sight. @param {HTMLElement[]} entries @param {any} engine */
function fillWhenSeen(entries, engine) {
  const blank = entry => /** @type {HTMLElement} */ (entry.querySelector(".no-picture"));
  const seen = new IntersectionObserver(changes => {
    for (const { target, isIntersecting } of changes) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const asked = engine.thumbnail(entries.indexOf(/** @type {HTMLElement} */ (target)));
      if (asked !== null) fill(blank(target), asked);
      else {
        for (const entry of entries) blank(entry)?.remove(); // this engine has none
        return seen.disconnect();
      }
    }
  });
  for (const entry of entries) seen.observe(entry);
}

/** @param {HTMLElement} blank @param {string | Promise<string | null>} asked */
async function fill(blank, asked) {
  const address = await asked;
  if (address) blank.replaceWith(make("img", { src: address, alt: "", width: 72, height: 54, error: event => event.target.replaceWith(blank) }));
}
