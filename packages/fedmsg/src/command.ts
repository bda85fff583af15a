/** Sub-path `fedmsg/command`: what a command is made of, and nothing that takes time to load. `fedmsg/plugin` has it, too. */
export { type ConfigFlag, configFlags } from "./config/flags.ts";
export {
  type ArgumentDefinition,
  atLeast,
  type CommandContext,
  type CommandDefinition,
  defineCommand,
  type Log,
  type OptionDefinition,
} from "./plugins/command.ts";
export { countOf } from "./wire/count-of.ts";
export { escapeControls, escapeLine, toLine } from "./wire/escape.ts";
