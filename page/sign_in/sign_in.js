// The sign-in page's script, which it works without. Takes the theme that the reader chose; and where the page came in place
// of another one, looks whether that is needed: a link from another site arrives without the cookie, whoever has it.
"use strict";
{
  try {
    document.documentElement.dataset["theme"] = localStorage.getItem("confab.theme") ?? "auto";
  } catch {
    // Storage may be switched off; then the system's theme it is.
  }

  addEventListener("DOMContentLoaded", async () => {
    const next = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=next]"));
    if (!next) return;
    // The message that a link leads to. The server is not told.
    next.value += location.hash;
    if (!("retry" in next.dataset)) return;
    const { pathname, search, hash } = location;
    const headers = { Accept: "text/html" };
    const response = await fetch(pathname + search, { method: "HEAD", headers }).catch(() => {});
    if (!response?.ok) return;
    // From the same address with a fragment it would be no journey.
    if (hash) history.replaceState(null, "", "?");
    location.replace(pathname + search + hash);
  });
}
