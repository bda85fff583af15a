import { dirname } from "node:path";
import { FedmsgError } from "fedmsg";
import { resultCode, sqliteCodes } from "./sqlite.ts";

/** What to do, by result code; `{file}` stands for the file. */
export type Advice = Readonly<Record<number, string>>;

const advice: Advice = {
  [sqliteCodes.busy]: "another program holds a lock on it; end that one first",
  [sqliteCodes.locked]: "another program holds a lock on it; end that one first",
  [sqliteCodes.readOnly]: "no permission to write it; see to its owner and mode, and those of its directory",
  [sqliteCodes.io]: "the disk reports an error; look into the system's log",
  [sqliteCodes.corrupt]:
    "the file is damaged; `fedmsg journal verify {file}` says where, `fedmsg journal grep '' {file}` prints what can be read. " +
    "Move it away, with {file}-wal and {file}-shm, to begin anew",
  [sqliteCodes.full]: "the disk is full; make room, or let the journal keep less",
  [sqliteCodes.cannotOpen]: "it cannot be opened; see to its owner and mode, and those of its directory",
  [sqliteCodes.notDatabase]: "this is no SQLite database; name another file, or move this one away",
};

/** An error FEDMSG_JOURNAL that names the file, what was tried, what was found, and what to do, as `ownAdvice` or a journal's says. */
export function journalError(file: string, doing: string, cause: unknown, ownAdvice: Advice = {}): FedmsgError {
  if (cause instanceof FedmsgError) return cause;
  const found = cause instanceof Error ? cause.message : String(cause);
  const what = adviceFor(file, cause, { ...advice, ...ownAdvice });
  return new FedmsgError("FEDMSG_JOURNAL", `${file}: ${doing}: ${found}${what ? `; ${what}` : ""}`, { cause });
}

/** A refusal of ours. */
export function journalRefusal(file: string, text: string): FedmsgError {
  return new FedmsgError("FEDMSG_JOURNAL", `${file}: ${text}`);
}

function adviceFor(file: string, cause: unknown, known: Advice): string | undefined {
  switch ((cause as NodeJS.ErrnoException | null)?.code) {
    case "ENOENT":
    case "ENOTDIR":
      return `create the directory ${dirname(file)} first`;
    case "EACCES":
    case "EPERM":
      return `no permission; see to the owner and mode of ${dirname(file)}`;
    case "EROFS":
      return "its file system is mounted read-only";
    case "ENOSPC":
      return known[sqliteCodes.full];
    default:
      return known[resultCode(cause)]?.replaceAll("{file}", () => file);
  }
}
