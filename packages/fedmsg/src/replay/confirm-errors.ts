/** How a message ends that no relay confirms. */

import { FedmsgError } from "../errors.ts";

export function fullError(relay: string, count: number, bytes: number): FedmsgError {
  const detail = `${count} messages of ${bytes} bytes wait for the relay at ${relay}; await \`publish()\` to slow down`;
  return new FedmsgError("FEDMSG_QUEUE_FULL", detail);
}

export function lateError(relay: string, ms: number): FedmsgError {
  const detail =
    `the relay at ${relay} did not confirm the message within ${ms} ms; ` +
    "it may have taken it all the same: published again it would be another message";
  return new FedmsgError("FEDMSG_TIMEOUT", detail);
}

/** Its cause is the relay's word. */
export function refusedError(relay: string, code: string): FedmsgError {
  return new FedmsgError("FEDMSG_REFUSED", `the relay at ${relay} refused the message: ${code}`, { cause: code });
}

/** Of a message for which the relay ends the connection. Its cause is `cut-off`. */
export function cutOffError(relay: string, bytes: number): FedmsgError {
  const detail = `the relay at ${relay} ends the connection when it gets this message of ${bytes} bytes`;
  return new FedmsgError("FEDMSG_REFUSED", `${detail}, and answers others; make it smaller`, { cause: "cut-off" });
}
