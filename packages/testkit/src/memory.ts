import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { eventually } from "./waiting.ts";

/** Collects what nobody refers to. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Bytes that this thread cannot do without: values and buffers, behind a collection. */
export function memoryBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Bytes of the buffers that this process holds. */
export function bufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

/**
 * Waits until no more than so many bytes of buffers are held. Collecting once is not enough: what was collected is given
 * back behind the scenes.
 */
export async function expectBuffersAtMost(bytes: number): Promise<void> {
  const isSo = () => {
    collectGarbage();
    return bufferBytes() <= bytes;
  };
  await eventually(isSo, `at most ${bytes} bytes in buffers (found ${bufferBytes()} at first)`);
}
