import { dirname } from "node:path";
import { FedmsgError } from "fedmsg";
import { resultCode, sqliteCodes } from "./sqlite.ts";

/** What to do, by result code; `{file}` stands for the file, `{word}` for the same as a word of a shell. */
export type Advice = Readonly<Record<number, string>>;

const advice: Advice = {
  [sqliteCodes.busy]: "another program holds a lock on it; end that one first",
  [sqliteCodes.locked]: "another program holds a lock on it; end that one first",
  [sqliteCodes.readOnly]: "no permission to write it; see to its owner and mode, and those of its directory",
  [sqliteCodes.io]: "the disk reports an error; look into the system's log",
  [sqliteCodes.corrupt]:
    "the file is damaged; `fedmsg journal verify {word}` says where, `fedmsg journal grep '' {word}` prints what can be read. " +
    "Move it away, with {file}-wal and {file}-shm, to begin anew",
  [sqliteCodes.full]: "the disk is full; make room, or let the journal keep less",
  [sqliteCodes.cannotOpen]: "it cannot be opened; see to its owner and mode, and those of its directory",
  [sqliteCodes.notDatabase]: "this is no SQLite database; name another file, or move this one away",
};

/** What is said where a journal is only read: those who are told so have run the commands that the other advice names. */
export const readerAdvice: Advice = {
  [sqliteCodes.corrupt]:
    "the file is damaged, too much for any command of ours; `strings {word}` prints what text is left in it, and " +
    "`sqlite3 {word} .recover` may find more, where sqlite3 was built for that (sqlite_dbpage). " +
    "Move it away, with {file}-wal and {file}-shm, to begin anew",
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

/** The cause of a refusal; known by its name, as there may be several copies of this package in a process. */
class LockHeldError extends Error {
  override readonly name = "LockHeldError";
}

/** A refusal, as another writer has the file. */
export function lockedRefusal(file: string, text: string): FedmsgError {
  return new FedmsgError("FEDMSG_JOURNAL", `${file}: ${text}`, { cause: new LockHeldError("its lock is held") });
}

/** Whether something that was thrown says that another writer has the file: then it may work later. */
export function isLocked(error: unknown): boolean {
  for (let found = error; found instanceof Error; found = found.cause) {
    if (found.name === "LockHeldError") return true;
  }
  return false;
}

/** A path as one word of a shell: in quotes only where it must be. */
export function shellWord(path: string): string {
  return /^[\w/.,:+@%][\w/.,:+@%=-]*$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
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
      return known[resultCode(cause)]?.replace(/\{(file|word)\}/g, (_, as) => (as === "word" ? shellWord(file) : file));
  }
}
