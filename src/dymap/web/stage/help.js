// @ts-check
/** The help: what keys, mouse and fingers do. */

import { iconButton, make } from "./dom.js";
import { BINDINGS } from "./keys.js";

const MOUSE = [
  ["drag", "turn around the subject"],
  ["right drag", "shift; so does shift and drag"],
  ["alt and drag", "look around"],
  ["wheel", "closer, towards the pointer"],
  ["double click", "back to the start"],
];
const TOUCH = [
  ["one finger", "turn"],
  ["two fingers", "shift, zoom; twist if the horizon is free"],
  ["three fingers", "look around"],
  ["tap a camera", "see what it saw"],
  ["two taps", "back to the start"],
];

/** @param {HTMLDialogElement} dialog @returns {() => void} opens and closes it */
export function makeHelp(dialog) {
  const table = (title, rows, kind = "") =>
    make(
      "section",
      { class: kind },
      make("h3", {}, title),
      make("dl", {}, ...rows.flatMap(([what, does]) => [make("dt", {}, what), make("dd", {}, does)])),
    );
  dialog.replaceChildren(
    make(
      "div",
      { class: "help-top" },
      make("h2", { id: "help-title" }, "Keys, mouse, touch"),
      iconButton("close", "Close the help", null, () => dialog.close()),
    ),
    make(
      "div",
      { class: "help-body" },
      table("Mouse", MOUSE, "by-mouse"),
      table("Touch", TOUCH),
      ...BINDINGS.map(([title, bindings]) =>
        table(
          title,
          bindings.map(({ shown, does }) => [shown, does]),
        ),
      ),
    ),
  );
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", event => event.key === "?" && (event.preventDefault(), dialog.close()));
  return () => (dialog.open ? dialog.close() : dialog.showModal());
}
