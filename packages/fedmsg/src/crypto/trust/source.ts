/** Where the content of a slot comes from, and how much of it is read. */

/** Keeps a slot up to date. */
export interface Source {
  /** Reads for the first time. Never rejects. */
  start(): Promise<void>;
  /** Called every second. @param now milliseconds since the epoch */
  tick(now: number): void;
  /** Looks whether there is something else by now, as far as that can be known at once. */
  recheck(): void;
  /** Reads now, whatever is known. Never rejects. */
  refresh(): Promise<void>;
  close(): void;
}

/** The largest certificate or list that is read, in bytes: some hundred thousand entries. */
export const trustBytesMax = 10 * 1024 * 1024;
