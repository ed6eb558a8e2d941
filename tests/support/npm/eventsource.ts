// Reads server-sent events as a browser does, over HTTP: a client that was not written here.
export * from "npm:eventsource@5.1.5";
