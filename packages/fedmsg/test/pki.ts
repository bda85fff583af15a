/** The authority, certificates and vectors that the tests of `src/crypto` share; and further ones, made when needed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pkiFolder } from "@fedmsg/testkit";
import { type Config, type ConfigInput, completeConfig } from "../src/config/index.ts";

/** One case of testkit/vectors/x509.json. */
export interface Vector {
  readonly name: string;
  readonly wire: string;
  readonly config: ConfigInput & { readonly ca_cert_location: string; readonly crl_location: string | null };
  readonly signer?: string;
  readonly pre?: "fix_datagrepper_message";
  readonly valid: boolean;
}

const folder = new URL("../../testkit/vectors/", import.meta.url);

export { pkiFolder };

export const vectors = JSON.parse(readFileSync(new URL("x509.json", folder), "utf8")) as {
  readonly cases: readonly Vector[];
  readonly signing: { readonly items: readonly { unsigned: string; cert: string; signed: string }[] };
};

/** A file of the folder, as text. */
export function pki(name: string): string {
  return readFileSync(join(pkiFolder, name), "latin1");
}

/** A complete configuration from that of a vector, with its files where they are. */
export function vectorConfig(config: Vector["config"]): Config {
  const { ca_cert_location: ca, crl_location: crl } = config;
  return completeConfig({
    ...config,
    ca_cert_location: join(pkiFolder, ca),
    crl_location: crl && join(pkiFolder, crl),
  });
}

/** The configuration of a validator under the vectors' authority; no CRL. */
export function trustingConfig(overrides: ConfigInput = {}): Config {
  return completeConfig({ ca_cert_location: join(pkiFolder, "ca.crt"), ...overrides });
}

/** A folder that goes with the test. */
export function tempFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "fedmsg-crypto-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The wire text of a vector. */
export function wireOf(name: string): string {
  const vector = vectors.cases.find((each) => each.name === name);
  if (!vector) throw new Error(`no vector ${name}`);
  return vector.wire;
}

/** Whole numbers from 0 to below `below`, the same each time (mulberry32), so that a failure can be repeated. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
