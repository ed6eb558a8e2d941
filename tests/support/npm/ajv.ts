// Checks values against JSON Schemas, as docs/openapi.yaml contains them.
export * from "npm:ajv@8.20.0/dist/2020.js";
