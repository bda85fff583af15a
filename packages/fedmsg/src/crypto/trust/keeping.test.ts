/** What does not take the place of a good list, and what servers may answer to whom. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Authority, makeAuthority, makeCrl } from "../../../test/certificates.ts";
import { serve, startServer, status } from "../../../test/http-server.ts";
import { pki, tempFolder, trustingConfig } from "../../../test/pki.ts";
import type { CryptoEvent, TrustEvent } from "../events.ts";
import { fetchText } from "./fetch-text.ts";
import { TrustStore } from "./store.ts";

const day = 86_400_000;
const authority = makeAuthority();
const other = makeAuthority({ of: "other", name: ["Other CA"] });

function listen() {
  const events: TrustEvent[] = [];
  const onEvent = (event: CryptoEvent) => void (event.type === "trust" && events.push(event));
  const take = () => events.splice(0).map(({ what, state, detail }) => `${what} ${state}: ${detail}`);
  return { events, onEvent, take };
}

/** A list that is so many days old and names one serial number. */
function listOf(issuer: Authority, daysOld: number, serial = "05"): string {
  return makeCrl({ issuer, from: Date.now() - daysOld * day, serials: [serial] });
}

describe("a good list", () => {
  /** A store over files that begin with a list of ten days ago. */
  async function watching(folder: string, now = Date.now) {
    const files = { ca: join(folder, "ca.crt"), crl: join(folder, "crl.pem") };
    writeFileSync(files.ca, authority.pem);
    writeFileSync(files.crl, listOf(authority, 10));
    const { onEvent, take, events } = listen();
    const config = trustingConfig({ ca_cert_location: files.ca, crl_location: files.crl });
    const store = await TrustStore.start(config, { onEvent, now });
    take();
    const write = (name: keyof typeof files, text: string) => {
      writeFileSync(files[name], text);
      store.tick();
    };
    return { store, write, take, events };
  }

  test.each([
    ["another authority's", () => listOf(other, 5), /not the authority's list: its issuer is another one/],
    [
      "one that somebody else signed",
      () => listOf({ ...other, name: authority.name }, 5),
      /signature in it does not hold/,
    ],
    ["an older one", () => listOf(authority, 20, "06"), /it is older \(.*Z\) than the one in force/],
  ])("stays where %s comes", async (_, next, detail) => {
    using folder = tempFolder();
    const { store, write, take } = await watching(folder.path);
    write("crl", next());
    const told = take();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^crl failed: /);
    expect(told[0]).toMatch(detail);
    expect(store.crlProblem).toBeUndefined();
    expect([...(store.crl?.value?.revoked ?? [])]).toEqual(["5"]);
    store.close();
  });

  test("goes where a newer one of the authority's comes, or another one of the same moment", async () => {
    using folder = tempFolder();
    const { store, write, take } = await watching(folder.path);
    const time = Date.now() - 5 * day;
    for (const serial of ["07", "08"]) {
      write("crl", makeCrl({ issuer: authority, from: time, serials: [serial] }));
      expect(take()).toEqual(["crl loaded: read"]);
      expect([...(store.crl?.value?.revoked ?? [])]).toEqual([serial.slice(1)]);
    }
    store.close();
  });

  test("of a new authority counts from the moment at which that authority does, whichever file came first", async () => {
    using folder = tempFolder();
    const { store, write, take } = await watching(folder.path);
    write("crl", listOf(other, 20, "09"));
    expect(take()).toEqual([expect.stringMatching(/^crl failed/)]);
    write("ca", other.pem);
    expect(take()).toEqual(["ca loaded: read", "crl loaded: read"]);
    expect(store.crlProblem).toBeUndefined();
    expect([...(store.crl?.value?.revoked ?? [])]).toEqual(["9"]);
    store.close();
  });

  test("is none that lies in the future: an older one puts that right", async () => {
    using folder = tempFolder();
    const { store, write, take } = await watching(folder.path);
    write("crl", listOf(authority, -3));
    write("crl", listOf(authority, 1, "0a"));
    expect(take()).toEqual(["crl loaded: read", "crl loaded: read"]);
    expect([...(store.crl?.value?.revoked ?? [])]).toEqual(["a"]);
    store.close();
  });

  test("stays in the file that keeps it for the next start, too", async () => {
    using folder = tempFolder();
    const [ca, cache] = [join(folder.path, "ca.crt"), join(folder.path, "crl.cache")];
    writeFileSync(ca, authority.pem);
    const [first, older, newer] = [listOf(authority, 10), listOf(authority, 20), listOf(authority, 5)];
    await using server = await startServer(serve(first));
    const { onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: ca, crl_location: server.url, crl_cache: cache });
    const store = await TrustStore.start(config, { onEvent });
    expect(readFileSync(cache, "latin1")).toBe(first);
    take();
    for (const bad of [older, listOf(other, 1)]) {
      server.state.answer = serve(bad);
      await store.refresh();
      expect(take()).toEqual([expect.stringMatching(/^crl failed/)]);
      expect(readFileSync(cache, "latin1")).toBe(first);
    }
    server.state.answer = serve(newer);
    await store.refresh();
    expect(readFileSync(cache, "latin1")).toBe(newer);
    store.close();
  });
});

describe("304", () => {
  test("to a first request is a failure: it is asked again, soon", async () => {
    await using server = await startServer(status(304));
    let now = Date.now();
    const { onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: server.url });
    const store = await TrustStore.start(config, { onEvent, now: () => now });
    expect(take()).toEqual(["ca failed: the server answers 304"]);
    server.state.answer = serve(authority.pem);
    now += 5000;
    store.tick();
    await store.refresh(); // the one that the tick began
    expect(take()).toEqual(["ca loaded: read"]);
    store.close();
  });

  test("is a failure also where only a kept copy is in force, as nobody asked whether that has changed", async () => {
    using folder = tempFolder();
    const cache = join(folder.path, "ca.cache");
    writeFileSync(cache, authority.pem);
    await using server = await startServer(status(304));
    const { onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: server.url, ca_cert_cache: cache });
    const store = await TrustStore.start(config, { onEvent });
    await store.refresh();
    expect(take().map((text) => text.replace(cache, "file"))).toEqual([
      "ca loaded: from file, until it is fetched",
      "ca failed: the server answers 304; the one read before stays in force",
    ]);
    expect(existsSync(cache)).toBe(true);
    store.close();
  });
});

describe("a name and a password in a URL", () => {
  test("are sent, and shown nowhere", async () => {
    await using server = await startServer((response, { headers: { authorization } }) => {
      const right = authorization === `Basic ${Buffer.from("me@home:s%é cret").toString("base64")}`;
      if (right) response.end(pki("ca.crt"));
      else response.writeHead(401).end();
    });
    const { onEvent, events } = listen();
    const ca_cert_location = `http://me%40home:s%25%C3%A9%20cret@${server.host}/ca.crt`;
    const store = await TrustStore.start(trustingConfig({ ca_cert_location }), { onEvent });
    expect(events.map(({ state }) => state)).toEqual(["loaded"]);
    server.state.answer = status(401);
    await store.refresh();
    expect(events.map(({ state }) => state)).toEqual(["loaded", "failed"]);
    expect(JSON.stringify(events)).not.toMatch(/cret|me%40home|Basic/);
    store.close();
  });

  test("follow a redirect on their own origin only, and do not come back to it", async () => {
    const sent: [url: string, authorization: unknown][] = [];
    const hops: Record<string, string> = {
      "https://a.test/1": "/2",
      "https://a.test/2": "https://x:y@b.test/3",
      "https://b.test/3": "https://a.test/4",
    };
    const fetch = (async (url: URL, { headers }: { headers: Record<string, string> }) => {
      sent.push([String(url), headers.authorization]);
      const location = hops[String(url)];
      return location ? new Response(null, { status: 302, headers: { location } }) : new Response("text");
    }) as unknown as typeof globalThis.fetch;
    const signal = AbortSignal.timeout(5000);
    expect(await fetchText("https://me:s%@a.test/1", { fetch, known: {}, signal })).toMatchObject({ text: "text" });
    const basic = `Basic ${Buffer.from("me:s%").toString("base64")}`;
    expect(sent).toEqual([
      ["https://a.test/1", basic],
      ["https://a.test/2", basic],
      ["https://b.test/3", undefined],
      ["https://a.test/4", undefined],
    ]);
  });
});
