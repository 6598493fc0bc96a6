// @ts-check
/** How the segments of a clip share its frames: in an overlap two are mixed (docs/format.md). */

/**
 * Those that show a frame of the clip: one segment, or two, whose weights cross over in equal steps.
 * @param {import("./facts.js").Span[]} spans
 * @param {number} frame of the clip
 * @returns {{segment: number, frame: number, weight: number}[]} frame: in the segment; weights sum up to 1
 */
export function sharesOf(spans, frame) {
  let later = spans.length - 1;
  while (spans[later].first > frame) later--;
  const own = { segment: later, frame: frame - spans[later].first, weight: 1 };
  if (later === 0 || frame >= spans[later - 1].stop) return [own];
  const earlier = spans[later - 1];
  own.weight = (own.frame + 1) / (earlier.stop - spans[later].first + 1);
  return [{ segment: later - 1, frame: frame - earlier.first, weight: 1 - own.weight }, own];
}

/**
 * Frames that can be shown with the segments that are here.
 * @param {import("./facts.js").Span[]} spans
 * @param {(segment: number) => boolean} here
 * @returns {[number, number][]} first and stop, in order, none touching the next
 */
export function framesHere(spans, here) {
  /** @type {[number, number][]} */
  const ready = [];
  const add = (/** @type {number} */ first, /** @type {number} */ stop) => {
    if (first >= stop) return;
    const last = ready[ready.length - 1];
    if (last && last[1] === first) last[1] = stop;
    else ready.push([first, stop]);
  };
  for (const [k, { first, stop }] of spans.entries()) {
    const end = k + 1 < spans.length ? Math.min(spans[k + 1].first, stop) : stop;
    const alone = Math.min(k ? Math.max(first, spans[k - 1].stop) : first, end);
    if (here(k) && k && here(k - 1)) add(first, alone);
    if (here(k)) add(alone, end);
  }
  return ready;
}
