// Parses server-sent events: a parser that was not written here.
export * from "npm:eventsource-parser@4.1.3";
