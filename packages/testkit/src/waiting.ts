/** Waiting in tests: for values and conditions, never for a length of time. */

import { setTimeout as delay } from "node:timers/promises";

/** How long anything in a test may take, in ms, where the test does not say otherwise. */
export const patienceMs = 20_000;

/** Takes `n` items and leaves the iterable open, so that more can be taken from it later. */
export async function collect<T>(iterable: AsyncIterable<T>, n: number): Promise<T[]> {
  const iterator = iterable[Symbol.asyncIterator]();
  const items: T[] = [];
  while (items.length < n) {
    const step = await withTimeout(iterator.next(), `item ${items.length + 1} of ${n}`);
    if (step.done) throw new Error(`it ended after ${items.length} items, ${n} were wanted`);
    items.push(step.value);
  }
  return items;
}

/** Takes one item and leaves the iterable open. */
export async function take<T>(iterable: AsyncIterable<T>): Promise<T> {
  return (await collect(iterable, 1))[0] as T;
}

/** Takes items until one satisfies `wanted`, which is returned. */
export async function takeUntil<T, S extends T>(
  iterable: AsyncIterable<T>,
  wanted: (item: T) => item is S,
): Promise<S> {
  for (;;) {
    const item = await take(iterable);
    if (wanted(item)) return item;
  }
}

/** What a promise resolves to, or an error naming `what` after `ms`. */
export async function withTimeout<T>(promise: Promise<T>, what: string, ms: number = patienceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: still not there after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves when a condition holds that no event announces; rejects naming `what` after `ms`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms: number = patienceMs,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: still not so after ${ms} ms`);
    await delay(5);
  }
}

/** Resolves to a number when it has not changed for `ms`: when whatever moves it is held up. */
export async function settled(value: () => number, ms = 100): Promise<number> {
  let last = value();
  let since = performance.now();
  await eventually(() => {
    const now = value();
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since >= ms;
  }, "a number that keeps its value");
  return last;
}

/** The code that a promise rejects with; an error if it resolves, or rejects with something that has no code. */
export async function codeOf(promise: Promise<unknown>, what = "the error"): Promise<string> {
  const error = await withTimeout(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
    what,
  );
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === "string") return code;
  throw new Error(`${what}: a rejection with a code was expected`, { cause: error });
}
