// @ts-check
/** The panel: settings in three tabs. */

import { iconButton, make } from "./dom.js";

/**
 * @param {HTMLElement} place @param {import("./stage.js").Parts} parts
 * @param {{id: "view"|"cameras"|"path", title: string, body: HTMLElement}[]} tabs
 */
export function makePanel(place, { root, store }, tabs) {
  const choose = id => store.set({ tab: id });
  const buttons = tabs.map(({ id, title }) =>
    make(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${id}`,
        "aria-controls": `page-${id}`,
        click: () => choose(id),
      },
      title,
    ),
  );
  const pages = tabs.map(({ id, body }) =>
    make(
      "div",
      {
        role: "tabpanel",
        id: `page-${id}`,
        "aria-labelledby": `tab-${id}`,
        class: `page page-${id}`,
        tabindex: "-1",
      },
      body,
    ),
  );
  const close = iconButton("close", "Close the settings", "M", () => store.set({ panel: false }), {
    class: "tool close",
  });
  const list = make(
    "div",
    {
      role: "tablist",
      "aria-label": "Settings",
      keydown: event => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        const next = (tabs.findIndex(({ id }) => id === store.state.tab) + step + tabs.length) % tabs.length;
        choose(tabs[next].id);
        buttons[next].focus();
        event.preventDefault();
      },
    },
    ...buttons,
  );
  place.replaceChildren(make("div", { class: "tabs" }, list, close), ...pages);

  store.watch(["panel"], ({ panel }) => {
    place.hidden = !panel;
    root.dataset.panel = panel ? "open" : "closed";
  });
  store.watch(["tab"], ({ tab }) =>
    tabs.forEach(({ id }, k) => {
      buttons[k].setAttribute("aria-selected", String(id === tab));
      buttons[k].tabIndex = id === tab ? 0 : -1;
      pages[k].hidden = id !== tab;
    }),
  );
}
