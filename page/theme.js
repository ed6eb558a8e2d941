// Sets the theme: the system's, unless the reader chose one. A classic script in the head, so that the choice applies before
// the first paint.
"use strict";
try {
  document.documentElement.dataset["theme"] = localStorage.getItem("confab.theme") ?? "auto";
} catch {
  // Without storage a choice lasts as long as the page.
}
