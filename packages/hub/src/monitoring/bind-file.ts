/**
 * Listens on a file with a mode of its own. A socket's file gets its mode from the umask when it is bound, and only
 * afterwards can it be changed, so that others might connect in between:
 *
 * ```
 *  mkdtemp (0700)  →  bind inside it  →  chmod  →  link to its own name  →  remove the folder
 * ```
 *
 * Nobody else can reach the socket before it has its mode, and `link` takes no name that somebody else has. Rejected: to
 * change the umask meanwhile, as it is that of the whole process, where others open journals; and to rename, which takes
 * the name of a hub that lives.
 */

import { chmod, link, lstat, mkdtemp, rm, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { FedmsgError } from "fedmsg";
import type { Publisher } from "fedmsg/plugin";

/** A socket that listens on a file. */
export interface BoundFile {
  /** Takes the file away, if it is still ours. The connections stay. */
  remove(): Promise<void>;
}

/** `sun_path` of Linux, without its NUL. */
const pathBytesMax = 107;

/**
 * Listens on `path`.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE (somebody listens there, or it is a file of another kind), FEDMSG_TRANSPORT
 */
export async function bindFile(socket: Publisher, path: string, mode: number): Promise<BoundFile> {
  try {
    return await bind(socket, path, mode);
  } catch (error) {
    if (error instanceof FedmsgError) throw error;
    const { message } = error as Error;
    throw new FedmsgError("FEDMSG_TRANSPORT", `cannot listen on ipc://${path}: ${message}`, { cause: error });
  }
}

async function bind(socket: Publisher, path: string, mode: number): Promise<BoundFile> {
  const folder = await mkdtemp(join(dirname(path), ".f"));
  try {
    const hidden = join(folder, "s");
    const excess = Buffer.byteLength(hidden) - pathBytesMax;
    if (excess > 0) {
      const where = `ipc://${path} with a mode of its own needs a folder whose path is ${excess} bytes shorter`;
      throw new FedmsgError("FEDMSG_ADDRESS_INVALID", `cannot listen on ${where}`);
    }
    await socket.bind(`ipc://${hidden}`);
    await chmod(hidden, mode);
    const { ino } = await lstat(hidden);
    await linkTo(hidden, path);
    return { remove: () => removeOwn(path, ino) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Gives a socket its name; that of one whose process is gone is free. */
async function linkTo(hidden: string, path: string): Promise<void> {
  try {
    await link(hidden, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    if (!(await lstat(path)).isSocket()) {
      throw new FedmsgError("FEDMSG_ADDRESS_IN_USE", `ipc://${path}: there is a file that is no socket; move it away`);
    }
    if (await answers(path)) {
      throw new FedmsgError("FEDMSG_ADDRESS_IN_USE", `ipc://${path} is in use by another socket`);
    }
    await unlink(path);
    await link(hidden, path);
  }
}

async function removeOwn(path: string, ino: number): Promise<void> {
  try {
    if ((await lstat(path)).ino === ino) await unlink(path);
  } catch {
    // Somebody took it away already.
  }
}

/** Whether somebody listens on a path. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connect({ path });
    stream.once("connect", () => {
      resolve(true);
      stream.destroy();
    });
    stream.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED"));
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
