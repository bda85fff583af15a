/** What somebody should know about a journal. */
export type JournalEvent =
  /** The end before was no clean one; what was found. */
  | { readonly type: "recovered"; readonly head: number; readonly detail: string }
  /** The end was damaged: the positions from `first` to `last` are gone. */
  | { readonly type: "cut"; readonly first: number; readonly last: number; readonly detail: string }
  /** A new UUID begins; the one before vouches for the positions up to `through`. */
  | {
      readonly type: "renewed";
      readonly uuid: string;
      readonly before: string;
      readonly through: number;
      readonly detail: string;
    }
  /** An entry cannot be read as it was written. It is left out of every answer; said once for each. */
  | { readonly type: "damaged"; readonly position: number; readonly detail: string }
  /** Something else went wrong; the journal goes on. */
  | { readonly type: "problem"; readonly detail: string };

/** Hears of events. Must not throw. */
export type JournalListener = (event: JournalEvent) => void;
