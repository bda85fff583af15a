import { setImmediate as nextTurn } from "node:timers/promises";

/** Receives in a row before other work gets a turn. */
const turnMessages = 1000;

/**
 * Calls `take` with each message until the socket is closed: waits for one, then takes all that are there without
 * waiting for any.
 *
 * @param {import("zeromq").Subscriber} socket
 * @param {(frames: Buffer[]) => void | Promise<void>} take
 */
export async function receiveEach(socket, take) {
  while (!socket.closed) {
    try {
      socket.receiveTimeout = -1;
      for (let n = 0; n < turnMessages; n++) {
        const taking = take(await socket.receive());
        if (taking) await taking;
        if (n === 0) socket.receiveTimeout = 0;
      }
    } catch (error) {
      if (!socket.closed && /** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
    }
    await nextTurn();
  }
}
