import { once } from "node:events";

/** Text kept back until the current burst of messages is over, in characters. */
const chunkCharacters = 64 * 1024;

/** Standard output for many small lines: gathers what comes in one go into one write, waits while the reader is behind. */
export class Output {
  #text = "";
  #scheduled = false;

  /** Writes a line. Where a promise comes back the reader is behind: await it. */
  line(text: string): Promise<void> | undefined {
    this.#text += `${text}\n`;
    if (this.#text.length >= chunkCharacters) return this.flush();
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        void this.flush();
      });
    }
    return undefined;
  }

  /** Hands over what was kept back; resolves when the reader can take more. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
  }
}
