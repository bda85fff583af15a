import { generateKeyPairSync } from "node:crypto";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pki, pkiFolder, tempFolder, trustingConfig } from "../../test/pki.ts";
import type { ConfigInput } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";
import type { Message } from "../wire/envelope.ts";
import { Float } from "../wire/number.ts";
import { type CryptoEvent, createSigner, createValidator, type SignerOptions } from "./index.ts";

const message: Message = {
  topic: "org.example.dev.a",
  msg: { b: new Float(1), é: "\u007f" },
  i: 1,
  timestamp: 1,
  msg_id: "x",
};

async function failure(
  config: ConfigInput,
  options: SignerOptions = { name: "bodhi.app01", host: "app01" },
): Promise<FedmsgError> {
  try {
    await createSigner(trustingConfig({ ssldir: pkiFolder, ...config }), options);
  } catch (error) {
    if (error instanceof FedmsgError) return error;
    throw error;
  }
  throw new Error("it signs");
}

describe("sign", () => {
  test("adds crypto, signature and certificate, and what it had of them goes", async () => {
    const signer = await createSigner(trustingConfig({ ssldir: pkiFolder, certname: "shell-vm" }));
    const validator = await createValidator(trustingConfig());
    const signed = signer.sign(message);
    expect(signed).toMatchObject({ ...message, crypto: "x509" });
    expect(signer.signerName).toBe("shell-vm.example.org");
    expect(signer.certname).toBe("shell-vm");
    expect(await validator.validate(signed)).toMatchObject({ valid: true, signer: "shell-vm.example.org" });
    expect(signer.sign({ ...signed, crypto: "gpg", signature: "old" })).toEqual(signed);
    expect(message).not.toHaveProperty("signature");
    validator.close();
  });

  test("encodeSigned and signText write what sign would, wherever the members lie", async () => {
    const signer = await createSigner(trustingConfig({ ssldir: pkiFolder, certname: "shell-vm" }));
    const validator = await createValidator(trustingConfig());
    for (const extra of [
      {},
      { a: 1, zz: 2 },
      { certificate0: 1, signatur: 2, signature0: 3 },
      { certificate: 1, signature: 2 },
    ]) {
      const text = signer.encodeSigned({ ...message, ...extra });
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(signer.sign({ ...message, ...extra }))));
      expect(await validator.validate(text)).toMatchObject({ valid: true });
      expect(signer.signText(text)).toBe(text);
    }
    expect(signer.encodeSigned({})).toMatch(/^\{"certificate":".*","crypto":"x509","signature":".*"\}$/);
    expect(() => signer.signText("[]")).toThrow(FedmsgError);
    expect(() => signer.encodeSigned({ msg: { a: [Symbol("x")] } })).toThrow(/^msg\.a\[0\]: /);
    validator.close();
  });
});

describe("the certificate's name", () => {
  test.each<[what: string, config: ConfigInput, name: string | undefined, expected: string]>([
    ["certname", { certname: "relay-vm", certnames: { "bodhi.app01": "shell-vm" } }, "bodhi.app01", "relay-vm"],
    ["certnames of the name", { certnames: { "bodhi.app01": "shell-vm" } }, "bodhi.app01", "shell-vm"],
    ["config.name", { name: "bodhi.app01", certnames: { "bodhi.app01": "shell-vm" } }, undefined, "shell-vm"],
    [
      "cert_prefix and the host",
      { cert_prefix: "announce", certnames: { "announce.app01": "announce-vm" } },
      "x",
      "announce-vm",
    ],
    ["shell for an active publisher", { certnames: { "shell.app01": "shell-vm" } }, "relay_inbound", "shell-vm"],
    ["signing_relay", { certnames: { signing_relay: "relay-vm" } }, "signing_relay", "relay-vm"],
  ])("comes from %s", async (_, config, name, expected) => {
    const signer = await createSigner(trustingConfig({ ssldir: pkiFolder, ...config }), { name, host: "app01" });
    expect(signer.certname).toBe(expected);
  });

  test("that is missing is an error with the key in it", async () => {
    expect(await failure({})).toMatchObject({
      code: "FEDMSG_CREDENTIALS",
      message: expect.stringMatching(/^certnames\["bodhi\.app01"\]: missing \(it is empty\); add it/),
    });
    expect((await failure({ certnames: { a: "b" } }, { name: "__proto__" })).message).toMatch(
      /"__proto__"\]: missing \(it lists a\)/,
    );
    expect((await failure({}, { name: undefined })).message).toMatch(/give `name`/);
    expect((await failure({ cert_prefix: "shell" })).message).toMatch(/certnames\["shell\.app01"\]/);
    expect((await failure({ crypto_backend: "gpg" })).code).toBe("FEDMSG_UNSUPPORTED");
  });
});

describe("key and certificate", () => {
  test.each<[what: string, files: (folder: string) => void, expected: RegExp]>([
    ["no certificate", () => undefined, /me\.crt: the certificate to sign with cannot be read: no such file$/],
    [
      "no key",
      (to) => copyFileSync(join(pkiFolder, "shell-vm.crt"), join(to, "me.crt")),
      /me\.key: the private key .* no such file$/,
    ],
    [
      "another's key",
      (to) => put(to, pki("shell-vm.crt"), pki("relay-vm.key")),
      /me\.key: .* not the key of .*me\.crt$/,
    ],
    ["an EC key", (to) => put(to, pki("ec-vm.crt"), pki("ec-vm.key")), /me\.key: .* type ec, not RSA$/],
    ["an encrypted key", (to) => put(to, pki("shell-vm.crt"), encrypted()), /me\.key: .* it is encrypted/],
    ["no key in the file", (to) => put(to, pki("shell-vm.crt"), "SECRET"), /me\.key: .* no PEM private key$/],
    [
      "no certificate in the file",
      (to) => put(to, pki("shell-vm.key"), pki("shell-vm.key")),
      /me\.crt: .* no PEM certificate$/,
    ],
  ])("%s is an error with the path in it, and nothing of the key", async (_, files, expected) => {
    using folder = tempFolder();
    files(folder.path);
    const error = await failure({ ssldir: folder.path, certname: "me" });
    expect(error.code).toBe("FEDMSG_CREDENTIALS");
    expect(error.message).toMatch(expected);
    expect(error.message).not.toMatch(/SECRET|BEGIN/);
  });

  test("a key that others can read, and a certificate out of date, are told", async () => {
    using folder = tempFolder();
    const events: CryptoEvent[] = [];
    const config = trustingConfig({ ssldir: folder.path, certname: "me" });
    const sign = () => createSigner(config, { onEvent: (event) => events.push(event) });
    put(folder.path, pki("expired-vm.crt"), pki("expired-vm.key"));
    await sign();
    expect(events.splice(0)).toMatchObject([
      { path: join(folder.path, "me.crt"), detail: expect.stringMatching(/expired on 2021/) },
    ]);
    put(folder.path, pki("nocn-vm.crt"), pki("nocn-vm.key"));
    await sign();
    expect(events.splice(0)).toMatchObject([{ detail: expect.stringMatching(/no common name/) }]);
    put(folder.path, pki("shell-vm.crt"), pki("shell-vm.key"));
    chmodSync(join(folder.path, "me.key"), 0o644);
    await sign();
    expect(events).toMatchObject([
      { path: join(folder.path, "me.key"), detail: expect.stringMatching(/mode 0644, should be 0600/) },
    ]);
  });
});

function put(folder: string, certificate: string, key: string): void {
  writeFileSync(join(folder, "me.crt"), certificate);
  writeFileSync(join(folder, "me.key"), key, { mode: 0o600 });
}

function encrypted(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  return privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "SECRET" }) as string;
}
