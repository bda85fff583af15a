import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config, ConfigInput } from "fedmsg/config";
import { testConfig } from "./test-config.ts";

/** The folder with the certificates, keys and revocation lists of the vectors: `ca.crt`, `shell-vm.key`, `crl.pem` … */
export const pkiFolder = fileURLToPath(new URL("../vectors/pki/", import.meta.url));

/** As {@link testConfig}, but messages are signed, in the name of `shell-vm.example.org`, and validated. */
export function signedConfig(overrides: ConfigInput = {}): Config {
  return testConfig({
    sign_messages: true,
    validate_signatures: true,
    ssldir: pkiFolder,
    certname: "shell-vm",
    ca_cert_location: join(pkiFolder, "ca.crt"),
    ...overrides,
  });
}
