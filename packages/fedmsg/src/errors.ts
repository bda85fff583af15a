/** Every code a {@link FedmsgError} can carry, with what it means. `docs/errors.md` is generated from this table. */
export const errorCodes = {
  FEDMSG_ABORTED: "The caller's AbortSignal fired while the operation was waiting.",
  FEDMSG_ADDRESS_INVALID: "An address is not of the form `tcp://host:port`; the message says which part is wrong.",
  FEDMSG_ADDRESS_IN_USE: "Another socket is listening on the address already.",
  FEDMSG_ALREADY_INITIALIZED: "`init()` was called while the default bus is open; call `destroy()` first.",
  FEDMSG_CLOSED: "The bus was used after `close()` or `drain()`.",
  FEDMSG_CONFIG_INVALID: "The configuration has problems; each is listed with its file and key.",
  FEDMSG_CONFIG_UNREADABLE: "A configuration file named by the caller cannot be read or parsed.",
  FEDMSG_CREDENTIALS:
    "No certificate to sign with, or its private key, can be found or used; the message names key and path.",
  FEDMSG_DEAD_LETTERS_FULL:
    "A consumer has as many dead letters, or as large ones, as there may be; `fedmsg dead-letters` retries or drops them.",
  FEDMSG_DECODE: "A text is not JSON as Python's `json` module reads it; the message gives line and column.",
  FEDMSG_ENCODE: "A value cannot be written as JSON; the message gives the path to it.",
  FEDMSG_EXPECTATION:
    "What a test expected of a bus (`fedmsg/testing`) did not come about; the message shows what did.",
  FEDMSG_JOURNAL: "A journal cannot be opened, read or written; the message names its file and what to do.",
  FEDMSG_MODULE: "A module that the configuration names cannot be found, fails to load, or holds not what it should.",
  FEDMSG_NO_ENDPOINT: "No address can be bound: none is listed for this name, or every one is in use.",
  FEDMSG_QUEUE_FULL: "More messages are waiting to be sent than the bounds allow; await `publish()` to slow down.",
  FEDMSG_REFUSED: "The relay refused the message, as none or as too large; it is not sent again, and nobody gets it.",
  FEDMSG_TIMEOUT: "The other side did not take the message, or did not appear, within the time allowed.",
  FEDMSG_TOO_LARGE:
    "The message's body is over `bodyBytesMax`, or has too many values in it; subscribers would refuse it.",
  FEDMSG_TRANSPORT: "The transport reported a failure that has no code of its own; see `cause`.",
  FEDMSG_UNSUPPORTED: "The configuration asks for something that this version, or this transport, cannot do.",
} as const;

/** One of the codes in {@link errorCodes}. */
export type FedmsgErrorCode = keyof typeof errorCodes;

/**
 * The only error class fedmsg throws. Branch on `code`, never on `message`: a message names what was tried, what was
 * found and what to do, and may change. What caused the error, if anything did, is kept in `cause`.
 *
 * @example
 * ```ts
 * try {
 *   await bus.publish({ topic: "build.done", msg });
 * } catch (error) {
 *   if (error instanceof FedmsgError && error.code === "FEDMSG_TIMEOUT") retryLater(msg);
 *   else throw error;
 * }
 * ```
 */
export class FedmsgError extends Error {
  override readonly name = "FedmsgError";
  readonly code: FedmsgErrorCode;

  constructor(code: FedmsgErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Returns `error` itself if it is a `FedmsgError`, and otherwise one with `code` that keeps it as its `cause`. */
  static from(error: unknown, code: FedmsgErrorCode = "FEDMSG_TRANSPORT"): FedmsgError {
    if (error instanceof FedmsgError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new FedmsgError(code, message, { cause: error });
  }
}
