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
   * Say what is wrong until it is right again or put away.
   * @param {string} text @param {boolean} fatal whether only beginning again helps
   */
  complain(text, fatal) {
    const close = iconButton("close", "Close the message", null, () => this.clear());
    const again = textButton("Try again", () => location.reload(), { class: "accent" });
    this.trouble.replaceChildren(make("p", {}, text), fatal ? again : close);
    this.trouble.classList.add("shown");
    this.trouble.classList.toggle("fatal", fatal);
  }

  /** What was wrong is right again, unless it was the end. */
  recover() {
    if (!this.trouble.classList.contains("fatal")) this.clear();
  }

  clear() {
    this.trouble.classList.remove("shown", "fatal");
    this.trouble.replaceChildren();
  }
}
