/**
 * The environment variables that a file may read. A configuration in the current folder may be anybody's, and what it
 * holds can leave the host: in a topic, in a name, in the address of an endpoint. So it gets those variables only that
 * hold no secret, those that are meant for it, and those that the user lists.
 */

import { Trouble } from "./trouble.ts";

/** The variable that lists more of them, with commas between. */
export const listVariable = "FEDMSG_CONFIG_VARIABLES";

const readable = new Set(["HOME", "USER", "LOGNAME", "HOSTNAME", "PWD", "VIRTUAL_ENV", "TMPDIR", "LANG"]);

/**
 * The value of a variable, `undefined` where it is not set.
 *
 * @throws Trouble where a configuration may not read it; the variable is not looked at then
 */
export function readVariable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const isReadable = readable.has(name) || /^(?:XDG|FEDMSG)_/.test(name) || listed(env).includes(name);
  if (!isReadable) throw new Trouble("variable", name.slice(0, 60));
  const value: unknown = Object.hasOwn(env, name) ? env[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

function listed(env: NodeJS.ProcessEnv): string[] {
  return (env[listVariable] ?? "").split(",").map((name) => name.trim());
}
