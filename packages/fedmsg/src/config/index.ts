/** Sub-path `fedmsg/config`: the configuration's keys, files and defaults. */
export { completeConfig, configOrigin, configSources, isLoadedConfig } from "./complete.ts";
export { type ConfigFlag, configFlags } from "./flags.ts";
export type { ConfigKey, DeepReadonly, DefaultedKey, OptionalKey } from "./key.ts";
export { type LoadConfigOptions, loadConfig } from "./load.ts";
export { nearest } from "./nearest.ts";
export type { Lines } from "./origin.ts";
export { type PythonConfig, readPythonConfig } from "./read-file.ts";
export {
  type Config,
  type ConfigInput,
  type ConfigName,
  configKeys,
  configSchema,
  configSections,
  wantedOf,
} from "./schema.ts";
export { maskSecrets, secretMask } from "./secrets.ts";
