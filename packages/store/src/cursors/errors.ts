import type { FedmsgError } from "fedmsg";
import { type Advice, journalError } from "../errors.ts";
import { sqliteCodes } from "../sqlite.ts";

/** What to do about a damaged file. */
export const damagedAdvice =
  "restore it from a copy, or remove it with its -wal and -shm to begin anew: the subscriber then remembers nothing, and its own tables in that file are gone";

const advice: Advice = {
  [sqliteCodes.corrupt]: `the file is damaged; ${damagedAdvice}`,
  [sqliteCodes.full]: "the disk is full; make room",
};

/** An error FEDMSG_JOURNAL that names the file of the cursors, what was tried, what was found, and what to do. */
export function cursorError(file: string, doing: string, cause: unknown): FedmsgError {
  return journalError(file, doing, cause, advice);
}
