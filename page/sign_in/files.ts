// The sign-in page's files, each embedded in the program and named as it is served. Not counted among the page's: whoever
// needs no password never sees them.
export { default as SIGN_IN_HTML } from "./sign_in.html" with { type: "text" };
export { default as SIGN_IN_CSS } from "./sign_in.css" with { type: "text" };
export { default as SIGN_IN_JS } from "./sign_in.js" with { type: "text" };
