import { atLeast, type ConfigFlag, configFlags, type OptionDefinition } from "fedmsg/command";

/** The flags that every command understands. Their defaults are the configuration's. */
export const commonOptions: readonly OptionDefinition[] = configFlags.map((flag: ConfigFlag) => ({
  flags: flag.value === undefined ? `--${flag.name}` : `--${flag.name} <${flag.value}>`,
  description: flag.description,
  ...(flag.number && { parse: atLeast(0, flag.number) }),
  ...(flag.key !== undefined && { key: flag.key }),
}));
