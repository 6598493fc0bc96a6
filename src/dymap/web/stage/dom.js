// @ts-check
/** Elements and the few kinds of controls that the page is made of; each has a label. */

import { icon } from "./icons.js";

/**
 * Make an element. Functions among the attributes listen; true sets, false and null leave out; text is never markup.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node | string | null)} children
 * @returns {any} the element
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

/**
 * A button with an icon only.
 * @param {import("./icons.js").IconName} name @param {string} label @param {string | null} key that does the same
 * @param {() => void} act @param {Record<string, any>} [attributes]
 */
export function iconButton(name, label, key, act, attributes = {}) {
  const button = make("button", { type: "button", class: "tool", ...attributes, click: () => act() }, icon(name));
  relabel(button, label, key);
  return button;
}

/** @param {HTMLElement} button @param {string} label @param {string | null} key */
export function relabel(button, label, key) {
  button.setAttribute("aria-label", label);
  button.title = key ? `${label} (${key})` : label;
  if (key) button.setAttribute("aria-keyshortcuts", key);
}

/** @param {HTMLElement} button @param {import("./icons.js").IconName} name */
export const reicon = (button, name) => button.replaceChildren(icon(name));

/** @param {string} text @param {() => void} act @param {{icon?: import("./icons.js").IconName, class?: string, disabled?: boolean}} [options] */
export function textButton(text, act, options = {}) {
  return make(
    "button",
    { type: "button", class: `word ${options.class ?? ""}`, disabled: options.disabled ?? false, click: () => act() },
    options.icon ? icon(options.icon) : null,
    make("span", {}, text),
  );
}

/**
 * A row of which one is chosen.
 * @param {string} label @param {[string, string][]} options value and text @param {(value: string) => void} choose
 * @returns {{element: HTMLElement, show: (value: string) => void}}
 */
export function choice(label, options, choose) {
  const name = `choice-${label.toLowerCase().replace(/\W+/g, "-")}`;
  const inputs = options.map(([value]) => make("input", { type: "radio", name, value, change: () => choose(value) }));
  const labels = options.map(([value, text], k) =>
    make("label", { "data-value": value }, inputs[k], make("span", {}, text)),
  );
  const element = make(
    "fieldset",
    { class: "choice" },
    make("legend", {}, label),
    make("div", { class: "options" }, ...labels),
  );
  return { element, show: value => inputs.forEach(input => (input.checked = input.value === value)) };
}

/**
 * A switch.
 * @param {string} label @param {string | null} key @param {(on: boolean) => void} turn
 * @returns {{element: HTMLElement, show: (on: boolean) => void}}
 */
export function toggle(label, key, turn) {
  const input = make("input", { type: "checkbox", role: "switch", change: () => turn(input.checked) });
  const element = make("label", { class: "switch" }, make("span", {}, label), keyCap(key), input);
  return { element, show: on => (input.checked = on) };
}

/** @param {string | null} key @returns {HTMLElement | null} */
export const keyCap = key => (key ? make("kbd", { "aria-hidden": "true" }, key) : null);

/**
 * A slider with its number; a double click sets it back.
 * @param {string} label @param {{min: number, max: number, step: number, usual: number, text: (value: number) => string}} range
 * @param {(value: number) => void} move
 * @returns {{element: HTMLElement, show: (value: number) => void}}
 */
export function slider(label, range, move) {
  const output = make("output", { class: "number" });
  const input = make("input", {
    type: "range",
    min: range.min,
    max: range.max,
    step: range.step,
    "aria-label": label,
    input: () => move(Number(input.value)),
    dblclick: () => move(range.usual),
  });
  const percent = value => `${(100 * (value - range.min)) / (range.max - range.min)}%`;
  const show = value => {
    input.value = String(value);
    input.setAttribute("aria-valuetext", range.text(value));
    const [from, to] = [range.min < 0 ? 0 : range.min, Number(input.value)].sort((a, b) => a - b); // about zero to both sides
    input.style.setProperty("--from", percent(from));
    input.style.setProperty("--to", percent(to));
    output.textContent = range.text(value);
  };
  return { element: make("div", { class: "slider" }, make("span", {}, label), output, input), show };
}

/**
 * A list of which one is chosen.
 * @param {string} label @param {[string, string][]} options value and text @param {(value: string) => void} choose
 * @returns {{element: HTMLElement, show: (value: string) => void}}
 */
export function select(label, options, choose) {
  const list = make("select", { "aria-label": label, change: () => choose(list.value) });
  list.append(...options.map(([value, text]) => make("option", { value }, text)));
  return { element: list, show: value => (list.value = value) };
}

/** @param {string} title @param {...(Node | null)} children */
export const section = (title, ...children) => make("section", {}, make("h2", {}, title), ...children);

/**
 * What was clicked by mouse or finger does not keep the keyboard: space plays. Who came by keyboard stays.
 * @param {HTMLElement} root
 */
export function releaseFocus(root) {
  const release = () => {
    const element = document.activeElement;
    if (
      element instanceof HTMLElement &&
      element.matches("button, select, [type=checkbox], [type=radio]") &&
      !element.matches(":focus-visible")
    )
      element.blur();
  };
  for (const kind of ["click", "change"]) root.addEventListener(kind, release);
}

/** Let a person save bytes. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A name that every file system takes. @param {string} text @returns {string} */
export const fileName = text => text.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 60) || "clip";

/** A long name without its middle: what tells names apart is often at their ends. @param {string} name @param {number} most characters */
export const shortened = (name, most) =>
  name.length <= most ? name : `${name.slice(0, Math.ceil(most / 2) - 1)}…${name.slice(-Math.floor(most / 2))}`;
