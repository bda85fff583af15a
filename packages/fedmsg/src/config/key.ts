import type { GenericSchema } from "valibot";
import { deepFreeze } from "./data.ts";

/** A type whose members, at any depth, cannot be assigned to. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** One line of the configuration table for a key that may be absent. */
export interface OptionalKey<Input = unknown, Output = unknown> {
  /** Takes what a file, a flag or a caller may give, and makes of it what the library reads. */
  readonly schema: GenericSchema<Input, Output>;
  /** What the key does, with unit and range: the text of flags and of the reference page. */
  readonly description: string;
  /** The value may hold a password, and is never repeated in a message. */
  readonly secret?: true;
}

/** One line of the configuration table for a key that every complete configuration has. */
export interface DefaultedKey<Input = unknown, Output = unknown> extends OptionalKey<Input, Output> {
  /** What holds where no layer gives the key, in the form that the schema makes. */
  readonly default: DeepReadonly<Output>;
}

/** One line of the configuration table. */
export type ConfigKey = OptionalKey | DefaultedKey;

interface KeyOptions {
  readonly secret?: true;
}

/** Writes a line of the table for a key that may be absent. */
export function optional<Input, Output>(
  schema: GenericSchema<Input, Output>,
  description: string,
  options: KeyOptions = {},
): OptionalKey<Input, Output> {
  return { schema, description, ...options };
}

/** Writes a line of the table for a key with a default. The default is frozen, as every configuration shares it. */
export function defaulted<Input, Output>(
  schema: GenericSchema<Input, Output>,
  value: DeepReadonly<Output>,
  description: string,
  options: KeyOptions = {},
): DefaultedKey<Input, Output> {
  return { schema, default: deepFreeze(value), description, ...options };
}
