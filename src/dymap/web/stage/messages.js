// @ts-check
/** Messages in the page: a passing notice, what is wrong now, and what has ended everything. */

import { iconButton, make, textButton } from "./dom.js";

const SECONDS = 3.2; // that a notice stays

export class Messages {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.notice = make("div", { class: "notice", role: "status" });
    this.trouble = make("div", { class: "trouble", role: "alert" });
    place.replaceChildren(this.trouble, this.notice);
    this.timer = 0;
  }

  /** Say something that needs no answer. @param {string} text */
  say(text) {
    clearTimeout(this.timer);
    this.notice.textContent = text;
    this.notice.classList.add("shown");
    this.timer = setTimeout(() => this.notice.classList.remove("shown"), 1000 * SECONDS);
  }

  /**
   * Say what is wrong.
   * @param {string} text
   * @param {"read"|"picture"|"clip"|"ever"} until it is put away, a picture comes again, or another clip, or for ever: only
   *   beginning again helps
   */
  complain(text, until = "read") {
    if (this.trouble.dataset.until === until && this.trouble.firstChild?.textContent === text) return; // it is said
    const close = iconButton("close", "Close the message", null, () => this.clear());
    const again = textButton("Try again", () => location.reload(), { class: "accent" });
    this.trouble.replaceChildren(make("p", {}, text), until === "ever" ? again : close);
    this.trouble.classList.add("shown");
    this.trouble.dataset.until = until;
  }

  /** A picture came, or a clip: what kept it away is mended. @param {"picture"|"clip"} what */
  recover(what) {
    if (this.trouble.dataset.until === what) this.clear();
  }

  clear() {
    this.trouble.classList.remove("shown");
    this.trouble.dataset.until = "";
    this.trouble.replaceChildren();
  }
}
