// Somebody in a soak. Comes back when the connection ends, and checks what it is sent.
import type { Ledger } from "./ledger.ts";

export interface GuestOptions {
  readonly port: number;
  readonly room: string;
  readonly name: string;
  readonly ledger: Ledger;
  readonly onFault: (fault: string) => void;
}

export interface Guest {
  start(): void;
  say(): void;
  stop(): Promise<void>;
}
