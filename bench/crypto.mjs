/**
 * Signatures beside `openssl speed`, one process each, in turns.
 *
 * The limit is what OpenSSL does with a key of 2048 bits and nothing around it. Ours reads and writes 500 bytes of JSON,
 * the credentials and the certificate besides. Bodies differ from each other; all come from one signer. `loaded` is
 * `canonical` with a list of 10,000 revoked certificates and 5,000 routing policies.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { completeConfig } from "fedmsg/config";
import { createSigner, createValidator } from "fedmsg/crypto";
import { quantile } from "#workloads";
import { opensslSpeed } from "./openssl.mjs";

/** @typedef {Record<"opensslSign" | "opensslVerify" | "sign" | "canonical" | "respaced" | "loaded", number>} Round */
/** @typedef {{ mark: string, value: number, limit: number, ratio: number, required: string, pass: boolean }} Mark */

/** The authority, certificates and keys of the vectors. */
export const pki = fileURLToPath(new URL("../packages/testkit/vectors/pki/", import.meta.url));
const roundMs = 1000;
/** Nobody's first second is like the others: the compiler is still at work. */
const warmUpMs = 300;

/**
 * @param {{ rounds: number, print: (line: object) => void }} options
 * @returns {Promise<Mark[]>}
 */
export async function measureCrypto({ rounds: count, print }) {
  const folder = mkdtempSync(join(tmpdir(), "fedmsg-bench-"));
  const work = await prepare(folder);
  try {
    measureAll(work, 0, warmUpMs);
    /** @type {Round[]} */
    const rounds = [];
    for (let n = 1; n <= count; n++) {
      const { sign, verify } = opensslSpeed();
      const round = { ...measureAll(work, n), opensslSign: sign, opensslVerify: verify };
      print({ bench: "crypto", round: n, ...round });
      rounds.push(round);
    }
    return [
      mark("sign, of openssl's sign/s", rounds, "sign", "opensslSign", 0.85),
      mark("validate a canonical body, of openssl's verify/s", rounds, "canonical", "opensslVerify", 0.5),
      mark("validate a respaced body, of openssl's verify/s", rounds, "respaced", "opensslVerify", 0.25),
      mark("validate with 10,000 revoked and 5,000 policies, of canonical", rounds, "loaded", "canonical", 0.95),
    ];
  } finally {
    work.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Everything that is done once: a signer, two validators, and bodies.
 *
 * @param {string} folder
 */
async function prepare(folder) {
  const base = { ssldir: pki, certname: "shell-vm", ca_cert_location: join(pki, "ca.crt") };
  const signer = await createSigner(completeConfig(base));
  const routing_policy = Object.fromEntries(
    Array.from({ length: 5000 }, (_, n) => [`org.fedoraproject.prod.service${n}.event`, ["somebody.example.org"]]),
  );
  const light = await createValidator(completeConfig({ ...base, crl_location: join(pki, "crl.pem") }));
  const loaded = await createValidator(completeConfig({ ...base, crl_location: makeLongList(folder), routing_policy }));
  const messages = Array.from({ length: 200 }, (_, i) => makeMessage(i));
  const texts = messages.map((message) => signer.encodeSigned(message));
  const respaced = texts.map((text) => Buffer.from(respace(text)));
  const canonical = texts.map((text) => Buffer.from(text));
  const close = () => [light, loaded].forEach((validator) => void validator.close());
  return { signer, light, loaded, messages, canonical, respaced, close };
}

/** @param {number} i */
function makeMessage(i) {
  return {
    i,
    msg: {
      agent: "lmacken",
      build: { nvr: `python-fedmsg-1.1.${i}`, release: 7.5, tags: ["f40", "updates", "é"], ok: true },
      log: "x".repeat(215),
    },
    msg_id: `2026-f989d333-aed3-485b-a9e4-7fac${String(i).padStart(8, "0")}`,
    timestamp: 1_795_217_701 + i,
    topic: "org.fedoraproject.dev.bodhi.update.request",
    username: "bodhi",
  };
}

/**
 * As Python's `json.dumps` spaces it, and so fedmsg's relay.
 *
 * @param {string} text
 */
function respace(text) {
  return text.replace(/"(?:[^"\\]|\\.)*"|[:,]/g, (part) => (part.length === 1 ? `${part} ` : part));
}

/**
 * A list of 10,000 revoked certificates of the authority.
 *
 * @param {string} folder
 */
function makeLongList(folder) {
  const path = (/** @type {string} */ name) => join(folder, name);
  const lines = Array.from({ length: 10_000 }, (_, n) => {
    const serial = `7${n.toString(16).padStart(31, "0")}`.toUpperCase();
    return `R\t491231235959Z\t230101000000Z\t${serial}\tunknown\t/CN=revoked${n}\n`;
  });
  writeFileSync(path("index.txt"), lines.join(""));
  writeFileSync(path("crlnumber"), "01\n");
  const settings = [`database=${path("index.txt")}`, `crlnumber=${path("crlnumber")}`, "default_md=sha256"];
  writeFileSync(path("ca.cnf"), ["[ca]", "default_ca=d", "[d]", ...settings, "default_crl_days=365", ""].join("\n"));
  const ca = ["-keyfile", join(pki, "ca.key"), "-cert", join(pki, "ca.crt")];
  execFileSync("openssl", ["ca", "-gencrl", "-config", path("ca.cnf"), ...ca, "-out", path("crl.pem")], {
    stdio: "ignore",
  });
  return path("crl.pem");
}

/**
 * Each piece of work for a second, in another order each round.
 *
 * @param {Awaited<ReturnType<typeof prepare>>} work
 * @param {number} round
 */
function measureAll({ signer, light, loaded, messages, canonical, respaced }, round, ms = roundMs) {
  /** @type {[keyof Round, () => number][]} */
  const pieces = [
    ["sign", () => perSecond(ms, messages, (message) => signer.encodeSigned(message).length > 0)],
    ["canonical", () => perSecond(ms, canonical, (body) => isValid(light.check(body)))],
    ["loaded", () => perSecond(ms, canonical, (body) => isValid(loaded.check(body)))],
    ["respaced", () => perSecond(ms, respaced, (body) => isValid(light.check(body)))],
  ];
  if (round % 2 === 0) pieces.reverse();
  return /** @type {Round} */ (Object.fromEntries(pieces.map(([name, measure]) => [name, measure()])));
}

/** @param {unknown} result */
function isValid(result) {
  return /** @type {{ valid: boolean }} */ (result).valid;
}

/**
 * @template Item
 * @param {number} ms
 * @param {readonly Item[]} items
 * @param {(item: Item) => boolean} run
 */
function perSecond(ms, items, run) {
  let done = 0;
  const startedAt = performance.now();
  let spent = 0;
  while (spent < ms) {
    for (const item of items) if (!run(item)) throw new Error("it failed");
    done += items.length;
    spent = performance.now() - startedAt;
  }
  return (done / spent) * 1000;
}

/**
 * @param {string} name
 * @param {readonly Round[]} rounds
 * @param {keyof Round} ours
 * @param {keyof Round} bare
 * @param {number} least
 * @returns {Mark}
 */
function mark(name, rounds, ours, bare, least) {
  const [value, limit] = [ours, bare].map((key) =>
    quantile(
      rounds.map((round) => round[key]),
      0.5,
    ),
  );
  const ratio = quantile(
    rounds.map((round) => round[ours] / round[bare]),
    0.5,
  );
  return {
    mark: name,
    value: value ?? 0,
    limit: limit ?? 0,
    ratio,
    required: `ratio >= ${least}`,
    pass: ratio >= least,
  };
}
