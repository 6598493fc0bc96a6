// @ts-check
/** Icons as drawings of 24 x 24: lines of two units, round ends. */

const SHAPES = {
  play: '<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>',
  pause: '<path d="M8.5 6v12M15.5 6v12" stroke-width="3.2"/>',
  back: '<path d="M15.5 6.5v11L8 12z" fill="currentColor"/><path d="M6 6.5v11"/>',
  forward: '<path d="M8.5 6.5v11L16 12z" fill="currentColor"/><path d="M18 6.5v11"/>',
  loop: '<path d="M17 4l3 3-3 3M20 7H8a4 4 0 0 0-4 4M7 20l-3-3 3-3M4 17h12a4 4 0 0 0 4-4"/>',
  settings: '<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.5"/><circle cx="8" cy="17" r="2.5"/>',
  photo:
    '<path d="M4 8.5A1.5 1.5 0 0 1 5.5 7H8l1.5-2.5h5L16 7h2.5A1.5 1.5 0 0 1 20 8.5v9a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5z"/><circle cx="12" cy="13" r="3.2"/>',
  link: '<path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>',
  full: '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
  unfull: '<path d="M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5"/>',
  help: '<path d="M9 9.3a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2"/><path d="M12 17.5v.01" stroke-width="2.6"/>',
  gauge: '<path d="M4.5 17.5a9 9 0 1 1 15 0M12 14l4-5"/>',
  close: '<path d="M6 6l12 12M18 6L6 18"/>',
  home: '<path d="M4 11.5L12 5l8 6.5M6.5 10v9h11v-9"/>',
  nearest: '<circle cx="12" cy="12" r="5.5"/><path d="M12 3v4M12 17v4M3 12h4M17 12h4"/>',
  turntable: '<path d="M20 12c0 2-3.6 3.5-8 3.5S4 14 4 12s3.6-3.5 8-3.5c1.5 0 2.9.2 4 .5M17.5 5.5L16.5 9l-3.5-.5"/>',
  add: '<path d="M12 5v14M5 12h14"/>',
  trash: '<path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7"/>',
  up: '<path d="M6 14.5l6-6 6 6"/>',
  down: '<path d="M6 9.5l6 6 6-6"/>',
  save: '<path d="M12 4v11M7.5 11l4.5 4.5L16.5 11M5 20h14"/>',
  open: '<path d="M12 16V5M7.5 9.5L12 5l4.5 4.5M5 20h14"/>',
  film: '<path d="M4 6h16v12H4zM8 6v12M16 6v12M4 10h4M4 14h4M16 10h4M16 14h4"/>',
  update: '<path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 4v4h-4"/>',
};

/** @typedef {keyof typeof SHAPES} IconName */

/** @param {IconName} name @returns {SVGSVGElement} hidden from readers: the button that holds it has a label */
export function icon(name) {
  const holder = document.createElement("template");
  holder.innerHTML = `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${SHAPES[name]}</svg>`;
  return /** @type {SVGSVGElement} */ (holder.content.firstElementChild);
}
