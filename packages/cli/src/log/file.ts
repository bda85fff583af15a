/**
 * A log file. Each line is on its way to the disk when `write` returns: a process that ends by a signal or `process.exit`
 * loses nothing. That somebody has moved the file, as logrotate does, is noticed at the next line, by its inode.
 */

import { appendFileSync, closeSync, fstatSync, openSync, renameSync, type Stats, statSync } from "node:fs";

/** Which file, and when it is rotated. */
export interface FileOptions {
  /** An absolute path. */
  readonly path: string;
  /** Whether what the file held before goes away. Default: no. */
  readonly truncate?: boolean;
  /** Before it would be longer than so many bytes it becomes `<path>.1`. 0: it never does. */
  readonly maxBytes?: number;
  /** How many of `<path>.1`, `<path>.2`, … are kept. 0: it is never rotated, whatever `maxBytes` says. */
  readonly backupCount?: number;
}

/** Where lines go. */
export interface Sink {
  /** Writes a line; its end is added. Throws where that cannot be done. */
  write(line: string): void;
}

/** Makes a log file, which is opened for its first line. Its `write` throws what `fs` does. */
export function createLogFile({ path, truncate = false, maxBytes = 0, backupCount = 0 }: FileOptions): Sink {
  let fd: number | undefined;
  const open = (flag: "a" | "w") => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    fd = openSync(path, flag);
    return fd;
  };
  const current = () => {
    if (fd === undefined) return open(truncate ? "w" : "a");
    return isSame(fstatSync(fd), statSync(path, { throwIfNoEntry: false })) ? fd : open("a");
  };
  return {
    write: (line) => {
      const text = `${line}\n`;
      let file = current();
      if (maxBytes > 0 && backupCount > 0 && isFull(fstatSync(file), Buffer.byteLength(text), maxBytes)) {
        rotate(path, backupCount);
        file = open("a");
      }
      appendFileSync(file, text);
    },
  };
}

function isSame(ours: Stats, there: Stats | undefined): boolean {
  return there !== undefined && ours.dev === there.dev && ours.ino === there.ino;
}

function isFull(file: Stats, more: number, maxBytes: number): boolean {
  return file.isFile() && file.size > 0 && file.size + more > maxBytes;
}

/** `log.2` becomes `log.3`, `log.1` `log.2`, `log` `log.1`; what was `log.3` is gone. */
function rotate(path: string, backupCount: number): void {
  for (let n = backupCount - 1; n > 0; n--) {
    if (statSync(`${path}.${n}`, { throwIfNoEntry: false })) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
  }
  renameSync(path, `${path}.1`);
}
