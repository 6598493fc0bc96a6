// @ts-check
/** Full screen: the picture has all of it, and the bars go while nobody needs them. */

const PATIENCE_OF_BARS = 2500; // ms without a move or a key

/**
 * Hide the bars of a page in full screen while time runs and nobody does anything.
 * @param {HTMLElement} root @param {import("./state.js").Store} store @returns {() => void} stops
 */
export function hideIdleBars(root, store) {
  let timer = 0;
  const hide = () => root.classList.toggle("idle", Boolean(document.fullscreenElement) && store.state.playing);
  const wake = () => {
    root.classList.remove("idle");
    clearTimeout(timer);
    if (document.fullscreenElement) timer = setTimeout(hide, PATIENCE_OF_BARS);
  };
  store.watch(["playing"], wake);
  const kinds = ["pointermove", "pointerdown", "keydown", "fullscreenchange"];
  for (const kind of kinds) document.addEventListener(kind, wake);
  return () => kinds.forEach(kind => document.removeEventListener(kind, wake));
}
