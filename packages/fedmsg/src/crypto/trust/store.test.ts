/** Files that are rotated and URLs that answer this and that. The clock is the test's own, the server a real one. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { keyPair, makeAuthority, makeCertificate, makeCrl } from "../../../test/certificates.ts";
import { type Answer, serve, startServer, status } from "../../../test/http-server.ts";
import { pki, pkiFolder, tempFolder, trustingConfig, wireOf } from "../../../test/pki.ts";
import type { ConfigInput } from "../../config/index.ts";
import type { CryptoEvent, TrustEvent } from "../events.ts";
import { createSigner, createValidator, type Validator } from "../index.ts";
import { TrustStore } from "./store.ts";

const good = wireOf("valid");
const revoked = wireOf("revoked, no crl configured");
const day = 86_400_000;

/** Collects events as `what state`, and their details. */
function listen() {
  const events: TrustEvent[] = [];
  const onEvent = (event: CryptoEvent) => void (event.type === "trust" && events.push(event));
  const take = () => events.splice(0).map(({ what, state }) => `${what} ${state}`);
  return { events, onEvent, take };
}

/** A clock that stands still until it is told. */
function clock() {
  let now = Date.now();
  const pass = (ms: number) => {
    now += ms;
  };
  return { now: () => now, pass };
}

async function reasonOf(validator: Validator, message: string): Promise<string> {
  const result = await validator.validate(message);
  return result.valid ? "valid" : result.reason;
}

describe("files", () => {
  test("a rotated authority and list are in force without a restart, and what is no longer good goes", async () => {
    using folder = tempFolder();
    const [ca, crl] = [join(folder.path, "ca.crt"), join(folder.path, "crl.pem")];
    writeFileSync(ca, pki("otherca.crt"));
    writeFileSync(crl, pki("crl-otherca.pem"));
    const time = clock();
    const { onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: ca, crl_location: crl });
    const validator = await createValidator(config, { onEvent, now: time.now });
    expect(take()).toEqual(["ca loaded", "crl loaded"]);
    expect(await reasonOf(validator, good)).toBe("certificate-untrusted");
    writeFileSync(join(folder.path, "new"), pki("ca.crt"));
    renameSync(join(folder.path, "new"), ca);
    writeFileSync(crl, pki("crl-empty.pem"));
    // A refused message looks once a second at most.
    expect(await reasonOf(validator, good)).toBe("certificate-untrusted");
    time.pass(1000);
    expect(await reasonOf(validator, good)).toBe("valid");
    expect(take()).toEqual(["ca loaded", "crl loaded"]);
    expect(await reasonOf(validator, revoked)).toBe("valid");
    writeFileSync(crl, pki("crl.pem"));
    await validator.refresh();
    expect(await reasonOf(validator, revoked)).toBe("certificate-revoked");
    validator.close();
  });

  test("the timer's tick reads what changed, and keeps the last good content when a file is garbage or gone", async () => {
    using folder = tempFolder();
    const crl = join(folder.path, "crl.pem");
    writeFileSync(crl, pki("crl.pem"));
    const { events, onEvent, take } = listen();
    const store = await TrustStore.start(trustingConfig({ crl_location: crl }), { onEvent });
    expect(take()).toEqual(["ca loaded", "crl loaded"]);
    store.tick();
    expect(take()).toEqual([]);
    writeFileSync(crl, "garbage");
    store.tick();
    store.tick();
    expect(events[0]?.detail).toBe("it holds no PEM CRL; the one read before stays in force");
    expect(take()).toEqual(["crl failed"]);
    rmSync(crl);
    store.tick();
    store.tick();
    expect(take()).toEqual(["crl failed"]);
    expect(store.crl?.value?.revoked).toContain("100a");
    writeFileSync(crl, pki("crl.pem"));
    store.tick();
    expect(events[0]?.detail).toBe("it can be read again, and has not changed");
    expect(take()).toEqual(["crl loaded"]);
    writeFileSync(crl, pki("crl-empty.pem"));
    store.tick();
    expect(take()).toEqual(["crl loaded"]);
    expect(store.crl?.value?.revoked).not.toContain("100a");
    store.close();
  });

  test("a start without any file is no error: messages are refused until it is there", async () => {
    using folder = tempFolder();
    const ca = join(folder.path, "ca.crt");
    const time = clock();
    const { events, onEvent } = listen();
    const validator = await createValidator(trustingConfig({ ca_cert_location: ca }), { onEvent, now: time.now });
    expect(events).toMatchObject([{ what: "ca", state: "failed", location: ca, detail: "no such file" }]);
    const result = await validator.validate(good);
    expect(result).toMatchObject({ valid: false, reason: "ca-unavailable" });
    expect(JSON.stringify(result)).toContain("no such file");
    writeFileSync(ca, pki("ca.crt"));
    time.pass(1000);
    expect(await reasonOf(validator, good)).toBe("valid");
    validator.close();
  });

  test.each([
    ["a list", "crl.pem"],
    ["a certificate that is no authority's", "shell-vm.crt"],
    ["a folder", ""],
  ])("%s in place of the authority is said at the start", async (_, name) => {
    const { events, onEvent } = listen();
    const config = trustingConfig({ ca_cert_location: join(pkiFolder, name) });
    const validator = await createValidator(config, { onEvent });
    expect(events.map(({ state }) => state)).toEqual(["failed"]);
    expect(await reasonOf(validator, good)).toBe("ca-unavailable");
    validator.close();
  });

  test("a huge file is not read", async () => {
    using folder = tempFolder();
    const ca = join(folder.path, "ca.crt");
    writeFileSync(ca, Buffer.alloc(11 * 1024 * 1024, 10));
    const { events, onEvent } = listen();
    (await createValidator(trustingConfig({ ca_cert_location: ca }), { onEvent })).close();
    expect(events[0]?.detail).toMatch(/at most 10485760 are read/);
  });

  test("a listener that throws stops nothing", async () => {
    const onEvent = () => {
      throw new Error("mine");
    };
    const validator = await createValidator(trustingConfig(), { onEvent });
    expect(await reasonOf(validator, good)).toBe("valid");
    validator.close();
  });
});

describe("expiry", () => {
  /** A message, its authority and a list that ends at a given time. */
  async function scene(folder: string, crlEnd: number): Promise<{ config: ConfigInput; message: string }> {
    const authority = makeAuthority();
    const { privateKey } = keyPair("leaf");
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
    write("ca.crt", authority.pem);
    write("crl.pem", makeCrl({ issuer: authority, to: crlEnd }));
    write("leaf.crt", makeCertificate({ name: ["leaf"], issuer: authority, key: privateKey }));
    write("leaf.key", privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    const signer = await createSigner(trustingConfig({ ssldir: folder, certname: "leaf" }));
    const config = { ca_cert_location: join(folder, "ca.crt"), crl_location: join(folder, "crl.pem") };
    return { config, message: signer.encodeSigned({ topic: "t", msg: {} }) };
  }

  test("a list refuses from the moment at which it expires, and was announced before", async () => {
    using folder = tempFolder();
    const end = Math.floor(Date.now() / 1000) * 1000 + 10 * day;
    const { config, message } = await scene(folder.path, end);
    const time = clock();
    const { events, onEvent, take } = listen();
    const options = { onEvent, now: time.now };
    const store = await TrustStore.start(trustingConfig(config), options);
    const validator = await createValidator(trustingConfig(config), { now: time.now });
    expect(take()).toEqual(["ca loaded", "crl loaded"]);
    time.pass(end - 7 * day - 1 - time.now());
    store.tick();
    expect(take()).toEqual([]);
    time.pass(1);
    store.tick();
    store.tick();
    expect(events).toMatchObject([{ what: "crl", state: "expires", expiresAt: end }]);
    expect(take()).toEqual(["crl expires"]);
    time.pass(day);
    store.tick();
    expect(take()).toEqual(["crl expires"]);
    time.pass(end - 1 - time.now());
    expect(await reasonOf(validator, message)).toBe("valid");
    time.pass(1);
    store.tick();
    store.tick();
    expect(take()).toEqual(["crl expired"]);
    const result = await validator.validate(message);
    expect(result).toMatchObject({ reason: "crl-expired" });
    expect(JSON.stringify(result)).toContain("crl.pem");
    store.close();
    validator.close();
  });

  test("an authority that has expired is announced at the start", async () => {
    const { onEvent, take } = listen();
    (
      await TrustStore.start(trustingConfig({ ca_cert_location: join(pkiFolder, "ca-expired.crt") }), { onEvent })
    ).close();
    expect(take()).toEqual(["ca loaded", "ca expired"]);
  });
});

describe("URLs", () => {
  test("are fetched again when their time has come, and only if they changed", async () => {
    await using server = await startServer(
      serve(pki("ca.crt"), { etag: '"1"', "last-modified": "Sat, 21 Nov 2026 00:00:00 GMT" }),
    );
    const time = clock();
    const { onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: server.url, ca_cert_cache_expiry: 3600 });
    const store = await TrustStore.start(config, { onEvent, now: time.now });
    expect(take()).toEqual(["ca loaded"]);
    time.pass(3_599_000);
    store.tick();
    expect(server.requests).toHaveLength(1);
    server.state.answer = status(304);
    time.pass(1000);
    store.tick();
    await store.refresh(); // the one that the tick began
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.headers).toMatchObject({
      "if-none-match": '"1"',
      "if-modified-since": "Sat, 21 Nov 2026 00:00:00 GMT",
    });
    server.state.answer = serve(pki("otherca.crt"));
    await store.refresh();
    expect(take()).toEqual(["ca loaded"]);
    store.close();
  });

  test.each<[what: string, answer: Answer, detail: RegExp]>([
    ["an error", status(503), /the server answers 503/],
    ["garbage", serve("garbage"), /no PEM certificate/],
    ["a redirect away from https", status(302, { location: "http://127.0.0.1:1/" }), /not https/],
    ["too much", serve("x".repeat(11 * 1024 * 1024)), /over 10485760 bytes/],
    [
      "half of an answer",
      (response) => void response.writeHead(200, { "content-length": 100 }).write("x", () => response.destroy()),
      /./,
    ],
    ["nothing at all", (response) => void response.destroy(), /cannot be fetched/],
  ])("that give %s keep what was there, and are tried again", async (_, answer, detail) => {
    await using server = await startServer(serve(pki("ca.crt")));
    const time = clock();
    const { events, onEvent, take } = listen();
    const config = trustingConfig({ ca_cert_location: server.url });
    const validator = await createValidator(config, { onEvent, now: time.now });
    take();
    server.state.answer = answer;
    await validator.refresh();
    expect(server.requests).toHaveLength(4); // three tries
    expect(events.at(-1)?.detail).toMatch(detail);
    expect(take()).toEqual(["ca failed"]);
    expect(await reasonOf(validator, good)).toBe("valid");
    validator.close();
  });

  test("that take too long are given up", async () => {
    await using server = await startServer(() => undefined);
    const { events, onEvent } = listen();
    const hurried: typeof fetch = (url, init) => {
      expect(init?.signal).toBeInstanceOf(AbortSignal);
      return fetch(url, { ...init, signal: AbortSignal.timeout(20) });
    };
    (await createValidator(trustingConfig({ ca_cert_location: server.url }), { onEvent, fetch: hurried })).close();
    expect(events[0]?.detail).toBe("the server takes too long");
  });

  test("that cannot be had at the start come from the copy kept before, and are tried with a growing pause", async () => {
    using folder = tempFolder();
    const cache = join(folder.path, "ca.cache");
    await using server = await startServer(serve(pki("ca.crt")));
    const config = trustingConfig({ ca_cert_location: server.url, ca_cert_cache: cache });
    (await createValidator(config)).close();
    expect(readFileSync(cache, "latin1")).toBe(pki("ca.crt"));
    server.state.answer = status(500);
    const time = clock();
    const { onEvent, take } = listen();
    const store = await TrustStore.start(config, { onEvent, now: time.now });
    expect(take()).toEqual(["ca loaded"]);
    await store.refresh();
    expect(take()).toEqual(["ca failed"]);
    const before = server.requests.length;
    time.pass(4999);
    store.tick();
    expect(server.requests).toHaveLength(before);
    server.state.answer = serve(pki("ca.crt"));
    time.pass(1);
    store.tick();
    await store.refresh();
    expect(server.requests).toHaveLength(before + 1);
    store.close();
  });

  test("show no password", async () => {
    const { events, onEvent } = listen();
    const config = trustingConfig({ ca_cert_location: "https://me:secret@127.0.0.1:1/ca.crt" });
    const validator = await createValidator(config, { onEvent });
    const result = await validator.validate(good);
    validator.close();
    expect(JSON.stringify([events, result])).not.toContain("secret");
    expect(events[0]?.location).toBe("https://…@127.0.0.1:1/ca.crt");
  });
});
