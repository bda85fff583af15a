import type { Level } from "./levels.ts";

/** One thing that a command has to say. */
export interface Entry {
  readonly time: Date;
  readonly level: Level;
  /** The logger's name: `fedmsg.relay`. */
  readonly name: string;
  readonly message: string;
}

/** Turns an entry into a line, without its end. */
export type Format = (entry: Entry) => string;
