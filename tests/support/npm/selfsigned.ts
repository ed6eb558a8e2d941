// Makes certificates.
export * from "npm:selfsigned@5.5.0";
