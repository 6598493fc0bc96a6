// @ts-check
/** What every key does. The help shows the same table. */

/**
 * @typedef {object} Binding
 * @property {string[]} keys as KeyboardEvent.key says, in small letters
 * @property {string} shown in the help
 * @property {string} does
 * @property {(actions: any, key: string) => void} act
 */

/** @type {[string, Binding[]][]} */
export const BINDINGS = [
  [
    "Time",
    [
      { keys: [" "], shown: "space", does: "play, pause", act: actions => actions.play() },
      {
        keys: [",", "."],
        shown: ", .",
        does: "one frame back, on",
        act: (actions, key) => actions.step(key === "." ? 1 : -1),
      },
      {
        keys: ["[", "]"],
        shown: "[ ]",
        does: "slower, faster",
        act: (actions, key) => actions.speed(key === "]" ? 1 : -1),
      },
      { keys: ["r"], shown: "R", does: "repeat", act: actions => actions.flip("loop") },
    ],
  ],
  [
    "Camera",
    [
      {
        keys: ["arrowleft", "arrowright", "arrowup", "arrowdown"],
        shown: "arrows",
        does: "turn around the subject",
        act: (actions, key) => actions.turn(key),
      },
      {
        keys: ["+", "=", "-"],
        shown: "+ −",
        does: "closer, farther",
        act: (actions, key) => actions.closer(key !== "-"),
      },
      { keys: [], shown: "W A S D, E Q", does: "fly; up, down; faster with shift", act: () => {} },
      { keys: ["home"], shown: "home", does: "back to the start", act: actions => actions.home() },
      { keys: ["n"], shown: "N", does: "the nearest captured camera", act: actions => actions.nearest() },
      {
        keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
        shown: "1 … 9",
        does: "captured camera",
        act: (actions, key) => actions.camera(Number(key) - 1),
      },
      { keys: ["o"], shown: "O", does: "go round by itself", act: actions => actions.flip("turntable") },
      { keys: ["h"], shown: "H", does: "level horizon", act: actions => actions.level() },
    ],
  ],
  [
    "Picture",
    [
      { keys: ["t"], shown: "T", does: "next layer", act: actions => actions.nextLayer() },
      { keys: ["b"], shown: "B", does: "outline of the box", act: actions => actions.flip("outline") },
      { keys: ["c"], shown: "C", does: "captured cameras", act: actions => actions.flip("frusta") },
      { keys: ["g"], shown: "G", does: "compare with what was filmed", act: actions => actions.nextCompare() },
    ],
  ],
  [
    "Camera path",
    [
      { keys: ["k"], shown: "K", does: "add a key view", act: actions => actions.addKey() },
      { keys: ["v"], shown: "V", does: "preview", act: actions => actions.preview() },
      {
        keys: ["delete", "backspace"],
        shown: "delete",
        does: "delete the chosen key view",
        act: actions => actions.deleteShownKey(),
      },
    ],
  ],
  [
    "Page",
    [
      { keys: ["p"], shown: "P", does: "save the picture", act: actions => actions.photo() },
      { keys: ["l"], shown: "L", does: "copy a link with camera and time", act: actions => actions.link() },
      { keys: ["f"], shown: "F", does: "full screen", act: actions => actions.fullScreen() },
      { keys: ["m"], shown: "M", does: "settings", act: actions => actions.flip("panel") },
      { keys: ["i"], shown: "I", does: "milliseconds and bytes", act: actions => actions.flip("overlay") },
      { keys: ["?"], shown: "?", does: "this help", act: actions => actions.help() },
    ],
  ],
];

const KEYBOARD_OWN =
  "input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea, [contenteditable]";

/**
 * Listen to keys, except those that a control with the focus needs for itself.
 * @param {any} actions @param {import("./motion.js").Motion} motion @returns {() => void} stops
 */
export function listenToKeys(actions, motion) {
  const table = new Map(BINDINGS.flatMap(([, bindings]) => bindings.flatMap(one => one.keys.map(key => [key, one]))));

  const down = event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    motion.fast = event.shiftKey;
    if (motion.key(event.code, true)) return;
    const key = event.key.toLowerCase(),
      binding = table.get(key);
    if (!binding || (event.repeat && ["l", "p", "f", "k", "?"].includes(key))) return;
    event.preventDefault();
    binding.act(actions, key);
  };
  const up = event => {
    motion.fast = event.shiftKey;
    motion.key(event.code, false);
  };
  const away = () => [...motion.held].forEach(code => motion.key(code, false));
  /** @type {[string, (event: any) => void][]} */
  const listeners = [
    ["keydown", down],
    ["keyup", up],
    ["blur", away],
  ];
  for (const [name, listener] of listeners) window.addEventListener(name, listener);
  return () => listeners.forEach(([name, listener]) => window.removeEventListener(name, listener));
}

/** Whether the control that has the focus takes this key itself. @param {KeyboardEvent} event */
function isTaken(event) {
  const target = event.target;
  if (!(target instanceof Element)) return false;
  if (document.querySelector("dialog[open]") || target.closest(KEYBOARD_OWN)) return true;
  const arrows = /^(Arrow|Home|End|Page)/.test(event.key);
  if (target.closest("[role=slider], [role=tab], input"))
    return arrows || (event.key === " " && target.matches("[type=checkbox], [role=tab]"));
  return (event.key === " " || event.key === "Enter") && target.closest("button, a, summary, label") !== null;
}
