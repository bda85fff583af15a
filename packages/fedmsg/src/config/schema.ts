/**
 * The configuration, once: what files, flags and callers may give is in {@link configKeys}, and everything else is made
 * from that table: the types {@link Config} and {@link ConfigInput}, the schema, the checks, and what is generated.
 *
 * Keys keep the names they have in Python. A name such as `fedmsg.consumers.gateway.port` is one flat key, dots and all.
 */

import * as v from "valibot";
import type { ConfigKey, DeepReadonly } from "./key.ts";
import { busKeys } from "./keys/bus.ts";
import { cryptoKeys } from "./keys/crypto.ts";
import { hubKeys } from "./keys/hub.ts";
import { ircKeys } from "./keys/irc.ts";
import { stompKeys } from "./keys/stomp.ts";
import { zeromqKeys } from "./keys/zeromq.ts";

/**
 * Every key of the configuration: its schema, its default where it has one, and what it does.
 *
 * Where the old manual and the old code differ, the manual's default stands (`topic_prefix`, `relay_inbound`); the rest
 * are those of `fedmsg.config.conf` and of moksha. Our own keys are `relay_confirm`, `outbox`, `outbox_max_age`, `outbox_max_bytes`,
 * `dead_letters_max_bytes`, `publish_timeout`, `transport`, `bodyBytesMax`,
 * `queueBytesMax`, `peersMax`, `subscriptionsMax`, `srv_servers`, `commands`, `allow_unsigned`, `replay_window`, `crl_warn` and `fedmsg.consumers.gateway.interface`.
 */
export const configKeys = { ...busKeys, ...zeromqKeys, ...cryptoKeys, ...ircKeys, ...hubKeys, ...stompKeys };

/** The keys as the reference page groups them. */
export const configSections: Readonly<Record<string, Readonly<Record<string, ConfigKey>>>> = {
  General: busKeys,
  ZeroMQ: zeromqKeys,
  "Authentication and authorization": cryptoKeys,
  "Hub, consumers and history": hubKeys,
  IRC: ircKeys,
  STOMP: stompKeys,
};

/** The name of a key that fedmsg knows. */
export type ConfigName = keyof Table;

type Table = typeof configKeys;
type Output<Name extends ConfigName> = DeepReadonly<v.InferOutput<Table[Name]["schema"]>>;
type DefaultedName = { [Name in ConfigName]: Table[Name] extends { default: unknown } ? Name : never }[ConfigName];
type OptionalName = Exclude<ConfigName, DefaultedName | "relay_outbound">;

/**
 * A complete configuration: checked, with every default in its place, and frozen. Single addresses have become lists,
 * and `relay_outbound` has become `endpoints.relay_outbound`. A key without a default is absent where nobody gave it.
 *
 * Keys that fedmsg does not know are kept; read them through `Readonly<Record<string, unknown>>`, to which a `Config`
 * can be assigned.
 */
export type Config = { readonly [Name in DefaultedName]: Output<Name> } & {
  readonly [Name in OptionalName]?: Output<Name>;
};

/** What a caller may give: any of the keys, in any form that files allow, and keys of its own. `null` unsets a key. */
export type ConfigInput = {
  readonly [Name in ConfigName]?: DeepReadonly<v.InferInput<Table[Name]["schema"]>> | null | undefined;
} & { readonly [name: string]: unknown };

/** Finds a key in the table, by a name that may be anything. */
export function findKey(name: string): ConfigKey | undefined {
  return Object.hasOwn(configKeys, name) ? configKeys[name as ConfigName] : undefined;
}

/**
 * The whole configuration as one schema, for editors and generated pages; `loadConfig` checks key by key, to name
 * the file and line of each problem. Absent keys get their defaults, unknown ones are kept.
 */
export const configSchema = v.looseObject(
  Object.fromEntries(Object.entries(configKeys).map(([name, key]) => [name, toEntry(key)])),
  "a mapping of configuration keys",
);

function toEntry(key: ConfigKey): v.GenericSchema {
  return "default" in key ? v.optional(key.schema, key.default) : v.optional(key.schema);
}

/** What a key takes, in words: `true or false`. */
export function wantedOf({ schema }: ConfigKey): string {
  const { issues } = v.safeParse(schema, Symbol("nothing that a key takes"));
  return issues?.[0]?.message ?? "anything";
}
