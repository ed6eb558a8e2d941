// Finds and makes elements for all parts of the page. Strings become text nodes, never HTML.

/**
 * Types of the elements in home.html that are more than an HTMLElement, by id.
 * @typedef {object} Elements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} msg
 * @property {HTMLInputElement} name
 */

/**
 * Returns the element with this id.
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Elements ? Elements[Id] : HTMLElement}
 */
export function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {(Node | string)[]} children
 */
export function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * Makes a button.
 * @param {string} label
 * @param {() => void} onClick
 */
export function makeButton(label, onClick) {
  const button = el("button", "", label);
  button.type = "button";
  button.onclick = onClick;
  return button;
}
