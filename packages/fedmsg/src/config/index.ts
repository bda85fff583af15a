/** Sub-path `fedmsg/config`: the configuration's keys, files and defaults. */
export { completeConfig, configOrigin, isLoadedConfig } from "./complete.ts";
export { type ConfigFlag, configFlags } from "./flags.ts";
export type { ConfigKey, DeepReadonly, DefaultedKey, OptionalKey } from "./key.ts";
export { type LoadConfigOptions, loadConfig } from "./load.ts";
export { nearest } from "./nearest.ts";
export { type Config, type ConfigInput, type ConfigName, configKeys, configSchema } from "./schema.ts";
