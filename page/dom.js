// The few things that every part of the page does with the document. Strings become text nodes, never HTML.

/**
 * What the elements of home.html are, unless they are nothing particular.
 * @typedef {object} Elements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} msg
 * @property {HTMLInputElement} name
 * @property {HTMLInputElement} day
 * @property {HTMLInputElement} notify
 * @property {HTMLInputElement} sound
 * @property {HTMLInputElement} mute
 */

/**
 * The element with this id.
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Elements ? Elements[Id] : HTMLElement}
 */
export function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/**
 * A new element.
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
 * @param {string} label
 * @param {() => void} onClick
 */
export function makeButton(label, onClick) {
  const button = el("button", "", label);
  button.type = "button";
  button.onclick = onClick;
  return button;
}
