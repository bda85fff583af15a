/** Names that a record, or a configuration, may hold. They end up in addresses, in messages and in logs. */

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const nameLengthMax = 253;

/** The name without the dot at its end, if it is a host's name: letters, digits, hyphens and underscores. */
export function toHostName(name: string): string | undefined {
  const host = name.replace(/\.$/, "");
  return host.length <= nameLengthMax && host.split(".").every((part) => label.test(part)) ? host : undefined;
}
