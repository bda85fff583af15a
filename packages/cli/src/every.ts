/**
 * Calls back at every multiple of `ms` from now on, until the function that it returns is called. A late call does not
 * make later ones late; calls for which it is too late are left out.
 */
export function every(ms: number, callback: () => void): () => void {
  const start = performance.now();
  let timer: NodeJS.Timeout;
  let count = 0;
  const schedule = () => {
    const passed = performance.now() - start;
    count = Math.max(count, Math.floor(passed / ms)) + 1; // A timer may be early by less than a millisecond.
    timer = setTimeout(tick, count * ms - passed);
  };
  const tick = () => {
    schedule();
    callback();
  };
  schedule();
  return () => clearTimeout(timer);
}
