// Drives the Chromium and the Firefox that are installed and downloads none. Later versions do not drive Firefox 153
// (docs/decisions/0035-engines.md).
export * from "npm:playwright-core@1.64.1";
