// The page's files, embedded in the program by text imports. The only files that are ever served.
import home from "../home.html" with { type: "text" };
import chat from "./chat.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import log from "./log.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };

/** One embedded file. */
export interface Asset {
  readonly text: string;
  /** Its media type. */
  readonly type: string;
}

const JS = "text/javascript; charset=utf-8";

/** The files by the path that they are served at. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/", { text: home, type: "text/html; charset=utf-8" }],
  ["/page/chat.js", { text: chat, type: JS }],
  ["/page/icon.svg", { text: icon, type: "image/svg+xml" }],
  ["/page/log.js", { text: log, type: JS }],
  ["/page/style.css", { text: style, type: "text/css; charset=utf-8" }],
  ["/page/theme.js", { text: theme, type: JS }],
]);
