/** The one place that loads `@fedmsg/store`, an optional peer: it imports this package, so a compiler must not follow. */

import { FedmsgError } from "../errors.ts";
import type { CursorStore } from "../replay/cursors.ts";
import type { Journal } from "../replay/journal.ts";

/** What is used of `@fedmsg/store`. */
export interface StorePackage {
  openJournal(
    location: string,
    options: {
      readonly sync: "full" | "normal";
      readonly maxAgeMs: number | undefined;
      readonly bytesMax: number | undefined;
      readonly onEvent: (event: { readonly detail: string }) => void;
    },
  ): Promise<Journal>;
  /** Whether what was thrown says that another writer has the file. */
  isLocked(error: unknown): boolean;
  openCursors(
    location: string,
    options: {
      readonly sync: "full" | "normal";
      readonly onEvent: (event: { readonly detail: string }) => void;
    },
  ): Promise<CursorStore>;
}

/**
 * Loads it.
 *
 * @param what needs it, for the error
 * @throws FedmsgError FEDMSG_UNSUPPORTED where it is not installed
 */
export async function importStore(what: string): Promise<StorePackage> {
  const name = "@fedmsg/store";
  try {
    return (await import(name)) as StorePackage;
  } catch (cause) {
    const detail = `${what} needs the package @fedmsg/store, which cannot be loaded; install it (npm install @fedmsg/store)`;
    throw new FedmsgError("FEDMSG_UNSUPPORTED", detail, { cause });
  }
}
