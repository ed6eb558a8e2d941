// Verifies the signatures of webhooks: a verifier that was not written here.
export * from "npm:standardwebhooks@1.1.1";
