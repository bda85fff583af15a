/**
 * What a message takes in memory once it is parsed. Bytes say little of that: `[[[[…` takes 28 times its bytes, and
 * `{"33":{"33":…` 49 times.
 *
 * What was measured, with V8 of Node 20 and 22, by text: what the parsed value takes, a place in its array included.
 *
 * ```
 *  text                  bytes  takes |  text                       bytes  takes
 *  0,                        2      8 |  9e9,  among other values       4     24
 *  "abc",    each another    6     36 |  "abc":0,  each another         8     90
 *  [],                       3     40 |  "abc":{}, each another        10    144
 *  [0],                      4     64 |  {"abc":0},  the same          10     40
 *  [[…]]     each level      2     56 |  {"abc":0},  each another      11    185
 *  [0,0],                    6     72 |  {"33":0},                      9    352  room for 34 elements
 *  {},                       3     64 |  {"99":0},                      9    208  a table of elements
 * ```
 *
 * A string takes its text, and three times that at most where one character in it is beyond U+00FF. {@link memoryOf} covers each of these with
 * the body itself; the weights are the smallest that do. Characters count wherever they stand, in strings, too: to tell the
 * difference takes longer than all the rest.
 *
 * A real message (820 bytes on average, 417 kinds) takes 0.9 times its bytes beside the body, as all have the same keys; nothing in
 * a text says so, and it is estimated at 6.6 times its bytes (half of them), 7.4 (nine of ten), 9.8 (the most). So queues count
 * {@link weightOf}, by which real messages weigh 1.1 times their bytes, and none takes more than six times what it weighs.
 *
 * Rejected: to walk through the parsed value (several times as slow), to ask V8 (which cannot say), and to look at large messages
 * only: very many small ones take as much.
 */

/** How many bytes of memory a queue may take for each byte of its bound. */
export const memoryPerByte = 6;

/** By byte: what it stands for takes, itself as a part of the body and of a string included. */
const costs = new Uint16Array(256).fill(2);
/** Four costs are less than this, by which bytes are marked that need a closer look. */
const closer = 1024;
/** From here on, bytes begin characters beyond U+00FF. */
const wide = 0xc4;
const colon = 0x3a;
const quote = 0x22;
for (const [character, cost] of Object.entries({
  "{": 80,
  "[": 58,
  '"': 7,
  ",": 24,
  ":": 68 + closer,
  "\\": 2 + closer,
})) {
  costs[character.charCodeAt(0)] = cost;
}
costs.fill(2 + closer, wide);
/** What an object takes more that has a member whose name is a number: room for all numbers below it, or a table. */
const indexCost = 183;
/** Digits of the largest such number, 2³² - 2: what is longer is an ordinary name. */
const indexDigitsMax = 10;

/**
 * How many bytes of memory a message takes at most, body and parsed value. An estimate from its text, which need not be JSON; see
 * the top of this file. Takes 0.5 µs for 500 bytes.
 */
export function memoryOf(body: Uint8Array): number {
  const { length } = body;
  let memory = 0;
  let isRare = false;
  let at = 0;
  for (const end = length - 3; at < end; at += 4) {
    const a = body[at] as number;
    const b = body[at + 1] as number;
    const c = body[at + 2] as number;
    const d = body[at + 3] as number;
    const cost = (costs[a] as number) + (costs[b] as number) + (costs[c] as number) + (costs[d] as number);
    memory += cost & (closer - 1);
    if (cost < closer) continue;
    // Of two colons so close to each other none but the first can be behind the name of an element.
    if (a === colon) memory += nameCost(body, at);
    else if (b === colon) memory += nameCost(body, at + 1);
    else if (c === colon) memory += nameCost(body, at + 2);
    else if (d === colon) memory += nameCost(body, at + 3);
    else isRare = true;
    if (cost >= 2 * closer) isRare = true;
  }
  for (; at < length; at++) {
    memory += (costs[body[at] as number] as number) & (closer - 1);
    if (body[at] === colon) memory += nameCost(body, at);
    isRare ||= (body[at] as number) >= wide;
  }
  return isRare ? memory + rareCosts(body) : memory;
}

/** What one message may take in memory in any case, in bytes: 256 MiB; */
const messageMemoryMax = 256 * 1024 * 1024;
/** and where bodies may be longer than 16 MiB, so many times the bytes that they may have. Real messages take a tenth of that. */
const messageMemoryPerByte = 16;
/** {@link memoryOf} is at most so many times the bytes of a body. */
const memoryPerByteMax = 64;

/**
 * What a message would take, where that is so much memory that it is not to be parsed. Costs nothing where its length shows that it is
 * not.
 *
 * @param bodyBytesMax how long its body may be
 */
export function excessiveMemory(body: Uint8Array, bodyBytesMax: number): number | undefined {
  const memoryMax = Math.max(messageMemoryMax, bodyBytesMax * messageMemoryPerByte);
  if (body.byteLength * memoryPerByteMax <= memoryMax) return undefined;
  const memory = memoryOf(body);
  return memory > memoryMax ? memory : undefined;
}

/**
 * What a message counts in a queue that is bounded in bytes: its bytes, and where it may take more than {@link memoryPerByte}
 * times its bytes of memory, so much more.
 */
export function weightOf(body: Uint8Array): number {
  return Math.max(body.byteLength, Math.ceil(memoryOf(body) / memoryPerByte));
}

/** What the member takes more that a colon belongs to, where its name is a number. Escapes are counted in {@link rareCosts}. */
function nameCost(body: Uint8Array, at: number): number {
  let end = at - 1;
  while ((body[end] as number) <= 0x20) end--;
  if (body[end] !== quote) return 0;
  let before = end - 1;
  while (before >= end - indexDigitsMax && isDigit(body[before] as number)) before--;
  return before < end - 1 && body[before] === quote ? indexCost : 0;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Characters beyond U+00FF, and escapes: of such characters, and of digits, which may be a name. */
function rareCosts(body: Uint8Array): number {
  let cost = 0;
  let isWide = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte >= wide) isWide = true;
    else if (byte === 0x5c && body[at + 1] === 0x75) {
      const isLatin = body[at + 2] === 0x30 && body[at + 3] === 0x30;
      if (!isLatin) isWide = true;
      else if (body[at + 4] === 0x33) cost += indexCost;
    }
  }
  return isWide ? cost + 2 * body.length : cost; // Our own reader keeps the text, too.
}
