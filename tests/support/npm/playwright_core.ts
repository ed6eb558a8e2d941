// Drives the Chromium that is installed and downloads none.
export * from "npm:playwright-core@1.64.1";
