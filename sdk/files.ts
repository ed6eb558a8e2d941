// Embeds the client's modules in the program under the names that they are served by, for the page imports them. A new file
// is one more line here.
export { default as "connection.js" } from "./connection.js" with { type: "text" };
export { default as "http_fallback.js" } from "./http_fallback.js" with { type: "text" };
export { default as "lazy_fallback.js" } from "./lazy_fallback.js" with { type: "text" };
export { default as "lookalikes.js" } from "./lookalikes.js" with { type: "text" };
export { default as "messages.js" } from "./messages.js" with { type: "text" };
export { default as "names.js" } from "./names.js" with { type: "text" };
export { default as "outbox.js" } from "./outbox.js" with { type: "text" };
export { default as "session.js" } from "./session.js" with { type: "text" };
export { default as "storage.js" } from "./storage.js" with { type: "text" };
export { default as "time.js" } from "./time.js" with { type: "text" };
