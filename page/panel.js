// Opens the header's two panels.

/**
 * Makes a button show and hide its panel. Escape and a click elsewhere hide it.
 * @param {HTMLElement} button
 * @param {HTMLElement} panel
 */
export function makePanel(button, panel) {
  const show = (/** @type {boolean} */ isOpen) => {
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  };
  /** @param {Event} event */
  const leave = ({ target }) => {
    if (target !== button && target instanceof Node && !panel.contains(target)) show(false);
  };
  button.onclick = () => show(panel.hidden === true);
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  const close = () => {
    show(false);
    button.focus();
  };
  document.addEventListener("keydown", ({ key }) => key !== "Escape" || panel.hidden || close());
  return { show, close };
}
