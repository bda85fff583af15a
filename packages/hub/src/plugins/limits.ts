/** Waiting for what a plugin does, within limits. */

import { FedmsgError } from "fedmsg";

/** A signal that does not fire. */
const never = new AbortController().signal;

/**
 * Calls something of a plugin, and waits for it for a while.
 *
 * @param what its name, for the error
 * @param signal ends the waiting, where it fires
 * @throws what it throws or rejects with; FedmsgError FEDMSG_TIMEOUT where it takes longer, FEDMSG_CLOSED where the signal
 *   fires. What comes later is ignored.
 */
export async function callWithin(
  call: () => unknown,
  ms: number,
  what: string,
  signal: AbortSignal = never,
): Promise<void> {
  const calling = (async () => call())();
  const called = before(calling, signal);
  if (!(await within(called, ms))) {
    throw new FedmsgError("FEDMSG_TIMEOUT", `${what} has not ended after ${ms / 1000} s`);
  }
  if (!(await called)) throw new FedmsgError("FEDMSG_CLOSED", `the hub ended before ${what} had`);
  await calling;
}

/** Whether something is settled before a signal fires. What it rejects with is not its matter. */
export async function before(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  let onAbort = () => {};
  const fired = new Promise<false>((resolve) => {
    onAbort = () => resolve(false);
    if (signal.aborted) resolve(false);
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([whenSettled(promise), fired]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Whether something is settled within a time. What it rejects with is not its matter. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([whenSettled(promise), over]);
  } finally {
    clearTimeout(timer);
  }
}

function whenSettled(promise: Promise<unknown>): Promise<true> {
  return promise.then(
    () => true,
    () => true,
  );
}
