/** Every code of a {@link ZmtpError}, and what it means. */
export const errorCodes = {
  ZMTP_ADDRESS_INVALID: "The address is not one that a socket can bind or connect to.",
  ZMTP_ADDRESS_IN_USE: "Another socket listens on the address.",
  ZMTP_ADDRESS_NOT_AVAILABLE: "The address is not one of this machine.",
  ZMTP_NETWORK: "The operating system refused; `cause` says what it said.",
  ZMTP_CLOSED: "The socket is closed.",
  ZMTP_ABORTED: "The caller's signal fired while the socket waited.",
  ZMTP_STATE: "The socket cannot do this now: a REQ must receive before it sends again, a REP the other way round.",
  ZMTP_FULL: "Too much waits to be sent already; await `send` to slow down.",
  ZMTP_UNROUTABLE: "A ROUTER with `mandatory` knows no peer of this identity, or its queue is full.",
  ZMTP_PEER_LOST: "The peer that had a REQ's request is gone; it may be sent again.",
  ZMTP_MESSAGE: "What was to be sent is no message for this socket.",
  ZMTP_OPTION: "An option is out of its range.",
} as const;

/** One of {@link errorCodes}. */
export type ZmtpErrorCode = keyof typeof errorCodes;

/** The only error that this package throws. Branch on `code`, never on `message`. */
export class ZmtpError extends Error {
  override readonly name = "ZmtpError";
  readonly code: ZmtpErrorCode;

  constructor(code: ZmtpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error of everything that is used after its end. */
export function closedError(): ZmtpError {
  return new ZmtpError("ZMTP_CLOSED", "the socket is closed");
}

/** The error of a wait that the caller's signal ended. */
export function abortedError(signal: AbortSignal): ZmtpError {
  return new ZmtpError("ZMTP_ABORTED", "the caller's signal fired", { cause: signal.reason });
}
