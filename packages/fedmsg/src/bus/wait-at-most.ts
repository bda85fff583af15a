/** How often is looked whether it makes sense to go on, in ms. */
const lookMs = 50;

/** How long something is waited for. */
export interface Patience {
  /** 0: any time. */
  readonly seconds: number;
  /** Whether it makes sense to wait on; asked again and again. */
  readonly goesOn: () => boolean;
  /** Hears once that it takes longer than a second. */
  readonly onLong: () => void;
}

/**
 * Waits for what resolves a promise, and not for ever. Keeps the process alive meanwhile.
 *
 * @param begin gets what ends it
 */
export async function waitAtMost(
  { seconds, goesOn, onLong }: Patience,
  begin: (resolve: () => void) => void,
): Promise<void> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let isTold = false;
  await new Promise<void>((resolve) => {
    begin(resolve);
    timer = setInterval(() => {
      const waitedMs = performance.now() - startedAt;
      if (!goesOn() || (seconds > 0 && waitedMs >= seconds * 1000)) resolve();
      else if (waitedMs >= 1000 && !isTold) {
        isTold = true;
        onLong();
      }
    }, lookMs);
  });
  clearInterval(timer);
}
