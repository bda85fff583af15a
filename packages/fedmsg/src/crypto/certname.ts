import { shortHostname } from "../config/environment.ts";
import type { Config } from "../config/index.ts";
import { FedmsgError } from "../errors.ts";

/**
 * Which certificate a publisher signs with, as the file name in `ssldir` without its ending (`fedmsg/core.py`):
 *
 * 1. `certname`, where it is given,
 * 2. `certnames["<cert_prefix>.<short host>"]`, where `cert_prefix` is (the logger's is `shell`, announce's `announce`),
 * 3. `certnames["shell.<short host>"]` for the name `relay_inbound`, under which active publishers run,
 * 4. `certnames[name]`; the signing relay's name is `signing_relay`.
 *
 * @param host the host's name; default: this one's, up to the first dot
 * @throws FedmsgError FEDMSG_CREDENTIALS naming the key that is missing
 */
export function findCertname(config: Config, name: string | undefined, host = shortHostname()): string {
  const { certname, cert_prefix: prefix, certnames } = config;
  if (certname) return certname;
  const key = prefix ? `${prefix}.${host}` : name === "relay_inbound" ? `shell.${host}` : name;
  if (key === undefined) {
    throw new FedmsgError(
      "FEDMSG_CREDENTIALS",
      "no certificate to sign with: give `name`, `certname` or `cert_prefix`",
    );
  }
  const found = Object.hasOwn(certnames, key) ? certnames[key] : undefined;
  if (found) return found;
  const known = Object.keys(certnames).slice(0, 10).join(", ");
  const listed = known ? `it lists ${known}` : "it is empty";
  throw new FedmsgError(
    "FEDMSG_CREDENTIALS",
    `certnames[${JSON.stringify(key)}]: missing (${listed}); add it, with the name of the certificate in ${config.ssldir}, or set certname`,
  );
}
