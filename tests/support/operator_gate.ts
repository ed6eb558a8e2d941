// A gate that lets everybody in, and who has the key as an operator. Its secret costs nothing to try.
import { Authenticator } from "../../auth/authenticator.ts";
import { openSessionStore } from "../../auth/session_store.ts";

export const OPERATOR_KEY = "the key of operators";

export function makeOperatorGate(): Authenticator {
  return new Authenticator({
    password: undefined,
    operatorKey: OPERATOR_KEY,
    store: openSessionStore(undefined),
    log: () => {},
    hashCost: 16,
  });
}
