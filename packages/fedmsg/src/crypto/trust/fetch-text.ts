/** Fetches a small text over HTTP, with every bound that a daemon needs. */

import { trustBytesMax } from "./source.ts";

/** How long one try may take, from the request to the last byte. */
export const fetchTimeoutMs = 30_000;

const redirectsMax = 5;

/** What an earlier answer said about itself, by which a server knows whether there is a newer one. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** An answer: the text, or that it is still the same. */
export type Fetched = "not-modified" | ({ readonly text: string } & Validators);

/**
 * Fetches a text. Redirects are followed to `https:` only. A name and a password in the URL are sent as
 * `Authorization: Basic` (RFC 7617), to its own origin and never after a redirect away from there. Throws an `Error` in
 * words that quote nothing of the answer.
 *
 * @param signal ends the request early
 */
export async function fetchText(
  url: string,
  {
    fetch,
    known,
    signal,
  }: { readonly fetch: typeof globalThis.fetch; readonly known: Validators; readonly signal: AbortSignal },
): Promise<Fetched> {
  // Not `AbortSignal.timeout` inside of `any`: nothing keeps that from the garbage collector (nodejs/node#57736).
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("it takes too long", "TimeoutError")), fetchTimeoutMs);
  try {
    const response = await request(url, fetch, known, AbortSignal.any([signal, late.signal]));
    return await readAnswer(response, known);
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(response: Response, known: Validators): Promise<Fetched> {
  try {
    // Asked for nothing in particular, it is no answer.
    if (response.status === 304 && (known.etag || known.lastModified)) return "not-modified";
    if (response.status !== 200) throw new Error(`the server answers ${response.status}`);
    const text = await readBounded(response);
    const { headers } = response;
    return { text, etag: headers.get("etag") ?? undefined, lastModified: headers.get("last-modified") ?? undefined };
  } finally {
    if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
  }
}

async function request(
  url: string,
  fetch: typeof globalThis.fetch,
  known: Validators,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = {};
  if (known.etag) headers["if-none-match"] = known.etag;
  if (known.lastModified) headers["if-modified-since"] = known.lastModified;
  let target = new URL(url);
  const { origin } = target;
  if (target.username || target.password) headers.authorization = basic(target);
  for (let hops = 0; hops <= redirectsMax; hops++) {
    if (target.origin !== origin) Reflect.deleteProperty(headers, "authorization"); // and not given back
    [target.username, target.password] = ["", ""]; // with which `fetch` would refuse it
    const response = await fetch(target, { headers, redirect: "manual", signal });
    const next = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || next === null) return response;
    await response.body?.cancel();
    target = new URL(next, target);
    if (target.protocol !== "https:") throw new Error("the server redirects to an address that is not https");
  }
  throw new Error(`the server redirects more than ${redirectsMax} times`);
}

function basic({ username, password }: URL): string {
  return `Basic ${Buffer.from(`${decodeUserinfo(username)}:${decodeUserinfo(password)}`).toString("base64")}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A percent sign that stands for itself.
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > trustBytesMax) throw new Error(`the answer is over ${trustBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("latin1");
}
