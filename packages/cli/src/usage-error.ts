/**
 * A command line that makes no sense, found out only by the command itself. It ends with exit code 2 and a text on stderr, as what the
 * parser finds does, wherever the log goes.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
