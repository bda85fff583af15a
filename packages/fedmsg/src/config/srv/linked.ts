import { setMaxListeners } from "node:events";

/** A controller of one's own that is aborted with a caller's signal, too. */
export interface LinkedController {
  readonly controller: AbortController;
  /** Lets go of the caller's signal. */
  unlink(): void;
}

/** Makes a controller to whose signal any number may listen, while only one listens to the caller's. */
export function linkedController(signal: AbortSignal | undefined): LinkedController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // Node takes more than ten for a leak.
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return { controller, unlink: () => signal?.removeEventListener("abort", onAbort) };
}
