// Improves the sign-in page, which works without it. Sets the theme that the reader chose. If the page was served in place of
// another one, checks whether that is needed: a request by a link from another site lacks the cookie of a signed-in user.
"use strict";
{
  try {
    document.documentElement.dataset["theme"] = localStorage.getItem("confab.theme") ?? "auto";
  } catch {
    // Storage may be disabled: the system's theme stays.
  }

  addEventListener("DOMContentLoaded", async () => {
    const next = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=next]"));
    if (!next) return;
    // The fragment of a link to a message. Browsers do not send it to the server.
    next.value += location.hash;
    if (!("retry" in next.dataset)) return;
    const { pathname, search, hash } = location;
    const headers = { Accept: "text/html" };
    const response = await fetch(pathname + search, { method: "HEAD", headers }).catch(() => {});
    if (!response?.ok) return;
    // Without this, replacing the same URL with a fragment would not reload.
    if (hash) history.replaceState(null, "", "?");
    location.replace(pathname + search + hash);
  });
}
