/** How a message ends that stays in an outbox, or goes out of it unconfirmed. */

import { FedmsgError } from "../errors.ts";

/** Nobody knows yet: the bus is closed, and the next start sends it. */
export function stillThereError(): FedmsgError {
  const detail = "the bus was closed; the message is in the outbox, and goes out at the next start";
  return new FedmsgError("FEDMSG_CLOSED", detail);
}

/** It was not sent, as others would refuse it. */
export function tooOldError(maxAgeSeconds: number): FedmsgError {
  const detail = `it waited in the outbox for longer than ${maxAgeSeconds} s (outbox_max_age)`;
  return new FedmsgError("FEDMSG_TIMEOUT", detail);
}

/** It was kept, and cannot be read any more. */
export function damagedError(): FedmsgError {
  return new FedmsgError("FEDMSG_JOURNAL", "the outbox does not have any more what was written");
}

/** It was in a file that is gone. */
export function deletedError(): FedmsgError {
  return new FedmsgError("FEDMSG_JOURNAL", "the outbox was deleted or replaced");
}

/** @param cause says that its lock is held */
export function otherProcessError(file: string, cause: unknown): FedmsgError {
  const detail =
    `outbox: ${file}: another process has this outbox open, and an outbox belongs to one process; give this one a file of its own ` +
    "({name} in the path stands for its name), or set outbox in a configuration that only one of them reads (--config-filename), or " +
    "end the other one";
  return new FedmsgError("FEDMSG_JOURNAL", detail, { cause });
}
