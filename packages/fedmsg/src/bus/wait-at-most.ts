/**
 * Waits for what resolves a promise, and not for ever.
 *
 * @param seconds 0: any time. Keeps the process alive meanwhile
 * @param begin gets what ends it
 */
export async function waitAtMost(seconds: number, begin: (resolve: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    begin(resolve);
    timer = setInterval(resolve, seconds > 0 ? seconds * 1000 : 0x7fffffff);
  });
  clearInterval(timer);
}
