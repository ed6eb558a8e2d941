// Embeds the sign-in page's files in the program. They do not count towards the page's size: a server without a password
// never sends them.
export { default as SIGN_IN_HTML } from "./sign_in.html" with { type: "text" };
export { default as SIGN_IN_CSS } from "./sign_in.css" with { type: "text" };
export { default as SIGN_IN_JS } from "./sign_in.js" with { type: "text" };
