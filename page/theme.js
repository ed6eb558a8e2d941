// The theme: follows the system unless the reader chose one. A classic script in the head, so that the choice is in
// place before the first paint.
"use strict";
{
  const KEY = "confab.theme";
  const root = document.documentElement;

  // Storage may be switched off; then the choice lasts as long as the page.
  const load = () => {
    try {
      return localStorage.getItem(KEY) ?? "auto";
    } catch {
      return "auto";
    }
  };

  /** @param {string} theme */
  const save = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // See above.
    }
  };

  root.dataset["theme"] = load();

  addEventListener("DOMContentLoaded", () => {
    const select = /** @type {HTMLSelectElement} */ (document.getElementById("theme"));
    select.value = root.dataset["theme"] ?? "auto";
    select.onchange = () => {
      root.dataset["theme"] = select.value;
      save(select.value);
    };
  });
}
