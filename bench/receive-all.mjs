import { tailMessages } from "fedmsg";

const heartbeatPrefix = "_heartbeat.";
/** Without news for so long, what is missing was lost. */
const silenceMs = 10_000;

/**
 * Receives what a publisher says, heartbeats apart, until all of it is there or nothing comes any more.
 *
 * @param {string} address
 * @param {number} messages how many are wanted
 * @returns {Promise<{ perSecond: number, lost: number }>} `perSecond`: from the first to the last; `lost`: how many did not come
 */
export async function receiveAll(address, messages) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  let received = 0;
  let firstAt = 0;
  const endpoints = { bench: [address] };
  for await (const { topic } of tailMessages({ endpoints, validate_signatures: false, signal: silence.signal })) {
    if (topic.startsWith(heartbeatPrefix)) continue;
    if (received++ === 0) firstAt = performance.now();
    if (received % 1000 === 0) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
    }
    if (received === messages) break;
  }
  clearTimeout(timer);
  return { perSecond: ((received - 1) / (performance.now() - firstAt)) * 1000, lost: messages - received };
}
