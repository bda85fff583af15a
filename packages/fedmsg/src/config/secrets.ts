import { isMapping, type Mapping } from "./data.ts";
import { findKey } from "./schema.ts";

/** What stands in the place of a password. */
export const secretMask = "********";

/**
 * A copy of a configuration to show to people: passwords are masked, also those inside URLs; the rest of a URL stays.
 * Keys that fedmsg does not know are masked where their names speak of passwords, secrets or tokens.
 */
export function maskSecrets(config: object): Mapping {
  return maskMembers(config as Mapping, (name) => findKey(name)?.secret === true);
}

function maskMembers(value: Mapping, isSecret: (name: string) => boolean): Mapping {
  const members = Object.entries(value).map(([name, member]) => {
    return [name, mask(member, isSecret(name) || /pass(?:w(?:or)?d)?$|secret|token|private_key$/i.test(name))];
  });
  return Object.fromEntries(members) as Mapping;
}

function mask(value: unknown, secret: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => mask(item, secret));
  if (isMapping(value)) return maskMembers(value, () => secret);
  if (typeof value !== "string") return value;
  const inUrl = value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@\s]*?:)[^/\s]*@/i, `$1${secretMask}@`);
  if (!secret || inUrl !== value || /^[a-z][a-z0-9+.-]*:\/?/i.test(value)) return inUrl;
  return secretMask;
}
