/** A terminal's Ctrl-C reaches us twice under npm, which passes it on: what comes this close is the same one. */
const sameSignalMs = 500;
/** How long finishing may take after the first signal, in ms. */
let deadlineMs = 10_000;

/** Gives finishing so much time, in ms, in place of ten seconds. */
export function allowForEnd(ms: number): void {
  deadlineMs = ms;
}

/**
 * Turns the first SIGINT or SIGTERM into an abort of the returned signal; the second one, or ten seconds
 * ({@link allowForEnd}), end the process.
 */
export function stopOnSignals(): AbortSignal {
  const controller = new AbortController();
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === undefined) {
      first = { signal, at: now };
      controller.abort(signal);
      setTimeout(() => process.exit(1), deadlineMs).unref();
    } else if (signal !== first.signal || now - first.at > sameSignalMs) process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return controller.signal;
}

/** Resolves when the signal fires, at once if it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Calls `react` at each SIGHUP, which would end the process otherwise. @returns what takes that back */
export function onHangup(react: () => void): () => void {
  process.on("SIGHUP", react);
  return () => void process.off("SIGHUP", react);
}
