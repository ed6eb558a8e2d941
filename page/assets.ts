// The page's files, embedded in the program by text imports. The only files that are ever served.
import { eTag } from "@std/http/etag";
import home from "../home.html" with { type: "text" };
import chat from "./chat.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import link from "./link.js" with { type: "text" };
import log from "./log.js" with { type: "text" };
import outbox from "./outbox.js" with { type: "text" };
import session from "./session.js" with { type: "text" };
import storage from "./storage.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };

/** One embedded file. */
export interface Asset {
  readonly text: string;
  /** Its media type. */
  readonly type: string;
  readonly etag: string;
}

const JS = "text/javascript; charset=utf-8";

/** The files by the path that they are served at. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/", await asset(home, "text/html; charset=utf-8")],
  ["/page/chat.js", await asset(chat, JS)],
  ["/page/icon.svg", await asset(icon, "image/svg+xml")],
  ["/page/link.js", await asset(link, JS)],
  ["/page/log.js", await asset(log, JS)],
  ["/page/outbox.js", await asset(outbox, JS)],
  ["/page/session.js", await asset(session, JS)],
  ["/page/storage.js", await asset(storage, JS)],
  ["/page/style.css", await asset(style, "text/css; charset=utf-8")],
  ["/page/theme.js", await asset(theme, JS)],
]);

async function asset(text: string, type: string): Promise<Asset> {
  return { text, type, etag: await eTag(text) };
}
