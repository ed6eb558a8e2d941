// Offers the actions of an account: sign out; for operators also delete others' messages, ban, and close the room. Loaded only
// for users with an account. The server authorizes each action again.
import { el, makeButton } from "./dom.js";

/** @import { Session } from "../sdk/session.js" */
/** @import { MessageToolbar } from "./message_toolbar.js" */

/** Durations of a ban, in minutes. */
const TERMS = new Map([["1 hour", 60], ["1 day", 1_440], ["1 week", 10_080], ["1 year", 525_600]]);

/**
 * @typedef {object} AccountOptions
 * @property {boolean} isOperator
 * @property {Session} session
 * @property {MessageToolbar} tools gets the operator's tools
 * @property {{ close: () => void, add: (...rows: HTMLElement[]) => void }} menu
 */

/** Adds the actions to the menu and to the message toolbar. @param {AccountOptions} options */
export function makeAccount({ isOperator, session, tools, menu }) {
  let isClosed = false;
  const toggle = makeButton("", () => {
    menu.close();
    session.post({ type: "close", on: !isClosed });
  });
  if (isOperator) {
    menu.add(toggle);
    tools.operate = ({ seq }) => [makeButton("Ban…", () => pickTerm(session, seq))];
  }
  menu.add(makeButton("Sign out", signOut));
  return {
    /** @param {boolean} isClosedNow */
    showClosed(isClosedNow) {
      isClosed = isClosedNow;
      toggle.textContent = isClosed ? "Open the room" : "Close the room";
    },
  };
}

/** Shows the durations in place of the message's tools. @param {Session} session @param {number} ref */
function pickTerm(session, ref) {
  const row = document.querySelector(".tools");
  const address = makeButton("IP address too", () => press(!isPressed));
  let isPressed = false;
  press(false);
  /** @param {boolean} isPressedNow */
  function press(isPressedNow) {
    isPressed = isPressedNow;
    address.setAttribute("aria-pressed", String(isPressed));
  }
  /** @param {string} label @param {{ minutes?: number, on?: boolean }} how */
  const choice = (label, { minutes = 1, on = true }) =>
    makeButton(label, () => {
      session.post({ type: "ban", ref, minutes, address: isPressed, on });
      row?.closest("article")?.focus();
      row?.remove();
    });
  const terms = [...TERMS].map(([label, minutes]) => choice(`Ban ${label}`, { minutes }));
  row?.replaceChildren(address, ...terms, choice("Lift ban", { on: false }));
  address.focus();
}

/** Signs out by a form, so that the browser follows the server's redirect. */
function signOut() {
  const form = el("form", "");
  form.hidden = true;
  form.method = "post";
  form.action = location.pathname.replace(/(r\/[^/]+\/?)?$/, "sign-out");
  document.body.append(form);
  form.submit();
}
