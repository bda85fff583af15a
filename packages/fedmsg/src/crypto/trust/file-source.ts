import { readFileSync, statSync } from "node:fs";
import type { AnySlot } from "./slot.ts";
import { type Source, trustBytesMax } from "./source.ts";

/**
 * A file, read again whenever it looks different: by inode, size and times. Its `stat` is asked every second, which
 * costs some microseconds; `fs.watch` misses files that are replaced by a link or lie on another machine.
 */
export class FileSource implements Source {
  readonly #slot: AnySlot;
  readonly #path: string;
  #stamp: string | undefined;

  constructor(slot: AnySlot, path: string) {
    this.#slot = slot;
    this.#path = path;
  }

  async start(): Promise<void> {
    this.recheck();
  }

  tick(): void {
    this.recheck();
  }

  recheck(): void {
    try {
      const { ino, size, mtimeNs, ctimeNs } = statSync(this.#path, { bigint: true });
      const stamp = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      if (stamp === this.#stamp) return;
      this.#read(size);
      this.#stamp = stamp;
    } catch (error) {
      this.#stamp = undefined;
      this.#slot.fail(describe(error));
    }
  }

  async refresh(): Promise<void> {
    this.#stamp = undefined;
    this.recheck();
  }

  close(): void {}

  #read(size: bigint): void {
    if (size > trustBytesMax) this.#slot.fail(`it has ${size} bytes; at most ${trustBytesMax} are read`);
    else this.#slot.accept(readFileSync(this.#path, "latin1"));
  }
}

const words: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "it may not be read by this user",
  EISDIR: "it is a folder",
};

/** What is wrong with a file, without repeating its path. */
function describe(error: unknown): string {
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? "unknown error");
  return words[code] ?? `it cannot be read (${code})`;
}
