/**
 * Milliseconds of processor time that this process has taken so far, in all its threads. A difference of two says what the clock
 * would say on an idle machine, and says it on a busy one, too.
 */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
