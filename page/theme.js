// Sets the theme: the system's, unless the reader chose one. A classic script in the head, so that the choice applies before
// the first paint.
"use strict";
{
  const KEY = "confab.theme";
  const root = document.documentElement;

  /**
   * Calls a function that uses the storage. Without storage the choice lasts as long as the page.
   * @param {() => string | null | void} act
   */
  const attempt = (act) => {
    try {
      return act();
    } catch {
      // See above.
    }
  };

  root.dataset["theme"] = attempt(() => localStorage.getItem(KEY)) ?? "auto";

  addEventListener("DOMContentLoaded", () => {
    const select = /** @type {HTMLSelectElement} */ (document.getElementById("theme"));
    select.value = root.dataset["theme"] ?? "auto";
    select.onchange = () => {
      root.dataset["theme"] = select.value;
      attempt(() => localStorage.setItem(KEY, select.value));
    };
  });
}
