/** Keeps what a process has to tell, a line of JSON each, and tells the runner. */

import { appendFileSync } from "node:fs";

/** @typedef {import("fedmsg").StatusEvent | { type: "commit-failed" | "late-commit", detail: string }} Event */

/** @param {string} file @returns {(event: Event) => void} */
export function tellingTo(file) {
  return (event) => {
    appendFileSync(file, `${JSON.stringify(event)}\n`);
    process.send?.({ type: "event", event });
  };
}

/** Tells all that a bus tells, until it is closed. @param {import("fedmsg").Bus} bus @param {(event: Event) => void} tell */
export async function tellStatus(bus, tell) {
  for await (const event of bus.status()) tell(event);
}
