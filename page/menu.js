// Makes the room's menu: actions, settings, the theme. Loaded when its button is first used.
import { makeCopyButton } from "./clipboard.js";
import { byId, el, makeButton } from "./dom.js";
import { canNotify, listKeys } from "./notifications.js";
import { makePanel } from "./panel.js";

/** @import { SafeStorage } from "../sdk/storage.js" */

/**
 * @typedef {object} MenuOptions
 * @property {string} room
 * @property {SafeStorage} storage
 * @property {() => string} getUrl the room's address
 * @property {() => void} rename asks for another name
 * @property {(day: string) => void} goToDay the day is like 2026-11-30
 * @property {(ending: "txt" | "json") => void} save
 */

/** Adds the menu behind its button. Returns it, closed. @param {MenuOptions} options */
export function makeMenu({ room, storage, getUrl, rename, goToDay, save }) {
  const button = byId("menu-button");
  const copy = makeRow("copy-room", "Copy the link to this room", () => {});
  makeCopyButton(copy, getUrl);
  const element = el(
    "section",
    "panel",
    makeRow("rename", "Change your name", act(rename)),
    copy,
    makeRow("export-text", "Save the room as text", act(() => save("txt"))),
    makeRow("export-json", "Save the room as JSON", act(() => save("json"))),
    makeDayRow(),
    ...makeChoices(room, storage),
    makeThemeRow(storage),
  );
  element.id = "menu";
  element.hidden = true;
  element.setAttribute("aria-label", "Menu");
  button.after(element);
  const { show, close } = makePanel(button, element);

  /** Closes the menu before an action. @param {() => void} action */
  function act(action) {
    return () => {
      close();
      action();
    };
  }

  function makeDayRow() {
    const day = el("input", "");
    day.id = "day";
    day.type = "date";
    const go = () => day.valueAsNumber > 0 ? act(() => goToDay(day.value))() : day.focus();
    day.addEventListener("keydown", ({ key }) => key === "Enter" && go());
    const row = el("div", "", el("label", "", "Go to a day ", day), makeRow("day-go", "Go", go));
    row.id = "day-row";
    return row;
  }

  return {
    show,
    close,
    /** Adds rows below all others. @param {HTMLElement[]} rows */
    add: (...rows) => element.append(...rows),
  };
}

/** @param {string} id @param {string} label @param {() => void} onClick */
function makeRow(id, label, onClick) {
  const row = makeButton(label, onClick);
  row.id = id;
  return row;
}

/** @param {string} room @param {SafeStorage} storage */
function makeChoices(room, storage) {
  const keys = listKeys(room);
  /** @param {keyof typeof keys} id @param {string} label */
  const choice = (id, label) => {
    const box = el("input", "");
    box.id = id;
    box.type = "checkbox";
    box.checked = storage.get(keys[id]) === "on";
    box.onchange = () => storage.set(keys[id], box.checked ? "on" : "off");
    return { box, row: el("label", "", `${label} `, box) };
  };
  const rows = [
    choice("notify", "Notifications"),
    choice("sound", "Sound"),
    choice("mute", "Mute all except mentions"),
  ];
  const notify = /** @type {HTMLInputElement} */ (rows[0]?.box);
  if (!canNotify) notify.title = "Requires https.";
  notify.disabled = !canNotify;
  if (!canNotify || Notification.permission !== "granted") notify.checked = false;
  notify.onclick = async () => {
    if (notify.checked && await Notification.requestPermission() !== "granted") notify.click();
  };
  return rows.map(({ row }) => row);
}

/** The theme is set before the first paint by theme.js. @param {SafeStorage} storage */
function makeThemeRow(storage) {
  const { dataset } = document.documentElement;
  const select = el("select", "");
  select.id = "theme";
  select.append(
    ...["Auto", "Light", "Dark"].map((label) => new Option(label, label.toLowerCase())),
  );
  select.value = dataset["theme"] ?? "auto";
  select.onchange = () => {
    dataset["theme"] = select.value;
    storage.set("confab.theme", select.value);
  };
  return el("label", "", "Theme ", select);
}
