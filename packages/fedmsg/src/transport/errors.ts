/** Errors that every socket throws alike. */

import { FedmsgError } from "../errors.ts";

/** The error of everything that is used after its end. */
export function closedError(): FedmsgError {
  return new FedmsgError("FEDMSG_CLOSED", "the socket is closed");
}

/** The error of a wait that the caller's signal ended. */
export function abortedError(signal: AbortSignal): FedmsgError {
  return new FedmsgError("FEDMSG_ABORTED", "the caller's signal fired", { cause: signal.reason });
}
