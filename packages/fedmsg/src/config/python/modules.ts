/** What a file may use of Python's modules and of those that old configurations imported. */

import { toFloat } from "./arithmetic.ts";
import type { Budget } from "./bounds.ts";
import { builtins } from "./builtins.ts";
import { type Call, take, takeOne } from "./call.ts";
import { numberOf } from "./compare.ts";
import { readVariable } from "./environment-variables.ts";
import { absolutePath, basename, dirname, joinPaths, normalizePath, splitExtension } from "./paths.ts";
import { slotsOf, textOf } from "./sequences.ts";
import { Trouble } from "./trouble.ts";
import { known, Opaque, PyTuple, typeName, type Value } from "./values.ts";

/** What a file may know of the process and host that read it. */
export interface PythonSurroundings {
  /** Environment variables, of which only some may be read. */
  readonly env: NodeJS.ProcessEnv;
  /** The current folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly home: string;
  /** The host's name: `os.hostname()`. */
  readonly hostname: string;
}

type Given = PythonSurroundings;
type ModuleFunction = (call: Call, around: Given) => Value;

const path =
  (compute: (path: string, around: Given) => string): ModuleFunction =>
  (call, around) => {
    const given = textOf(takeOne(call));
    call.budget.text(given.length);
    return compute(given, around);
  };

const functions: ReadonlyMap<string, ModuleFunction> = new Map<string, ModuleFunction>([
  ...[...builtins].map(([name, run]) => [`builtins.${name}`, run] as const),
  ["create_engine", (call) => new Opaque("engine", textOf(call.args[0] ?? null))],
  ["SQLStore", (call) => storeUrl(call)],
  ["datetime.timedelta", (call) => new Opaque("timedelta", secondsOf(call))],
  ["os.environ.get", (call, around) => getVariable(call, around)],
  ["os.getcwd", (call, around) => withNone(call, around.cwd)],
  ["os.getenv", (call, around) => getVariable(call, around)],
  ["os.path.abspath", path((given, { cwd }) => absolutePath(given, cwd))],
  ["os.path.basename", path(basename)],
  ["os.path.dirname", path(dirname)],
  ["os.path.expanduser", path(expandUser)],
  ["os.path.join", (call) => join(call)],
  ["os.path.normpath", path(normalizePath)],
  ["os.path.splitext", (call) => new PyTuple(slotsOf(splitExtension(textOf(takeOne(call))), call.origin), call.origin)],
  ["os.uname", (call, { hostname }) => uname(call, hostname)],
  ["platform.node", (call, around) => withNone(call, around.hostname)],
  ["socket.getfqdn", (call, around) => withNone(call, around.hostname)],
  ["socket.gethostname", (call, around) => withNone(call, around.hostname)],
]);

const constants: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["os.curdir", "."],
  ["os.linesep", "\n"],
  ["os.name", "posix"],
  ["os.pardir", ".."],
  ["os.path.sep", "/"],
  ["os.pathsep", ":"],
  ["os.sep", "/"],
]);

/** Other names of the same thing. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["fedmsg.replay.sqlstore.SQLStore", "SQLStore"],
  ["posixpath", "os.path"],
  ["sqlalchemy.create_engine", "create_engine"],
  ["sqlalchemy.engine.create_engine", "create_engine"],
]);

/** The one name of a thing that may have several. */
export function canonicalPath(name: string): string {
  return aliases.get(name) ?? name;
}

/** The value of a constant of a module. */
export function constantOf(name: string): Value | undefined {
  return constants.get(name);
}

/** The function of a name, `undefined` where it is not among those that can be read. */
export function functionOf(name: string): ModuleFunction | undefined {
  return functions.get(name);
}

/** Names that Python has without an import. */
export function isBuiltin(name: string): boolean {
  return builtins.has(name);
}

/** `os.environ[name]`. */
export function variableOf(name: Value, { env }: Given): string {
  const value = readVariable(env, textOf(name));
  if (value === undefined) throw new Trouble("unset", textOf(name));
  return value;
}

/** `name in os.environ`. */
export function hasVariable(name: Value, { env }: Given): boolean {
  return readVariable(env, textOf(name)) !== undefined;
}

function getVariable(call: Call, { env }: Given): Value {
  const [name, otherwise = null] = take(call, ["key", "default"], 1);
  return readVariable(env, textOf(name!)) ?? known(otherwise);
}

function withNone(call: Call, value: Value): Value {
  take(call, []);
  return value;
}

function expandUser(given: string, { home }: Given): string {
  if (!given.startsWith("~")) return given;
  if (given !== "~" && given[1] !== "/") throw new Trouble("arguments", "the home of another user is not looked up");
  return home.replace(/\/$/, "") + given.slice(1) || "/";
}

function join(call: Call): string {
  const parts = take(
    call,
    call.args.map((_, n) => `/${n}`),
  ).map((part) => textOf(part!));
  if (parts.length === 0) throw new Trouble("arguments", "`os.path.join` without a path");
  boundParts(parts, call.budget);
  return joinPaths(parts);
}

function boundParts(parts: readonly string[], budget: Budget): void {
  budget.text(parts.reduce((sum, { length }) => sum + length + 1, 0));
}

/** Of what `os.uname()` tells, only the host's name is given. */
function uname(call: Call, hostname: string): PyTuple {
  take(call, []);
  const hidden = new Opaque("uname", "");
  return new PyTuple(slotsOf([hidden, hostname, hidden, hidden, hidden], call.origin), call.origin);
}

/** SQLAlchemy's URL of a file as ours: `sqlite:////var/x.db` is `sqlite:/var/x.db`. */
function storeUrl(call: Call): string {
  const engine = known(takeOne(call));
  if (!(engine instanceof Opaque && engine.kind === "engine")) throw new Trouble("store");
  const url = String(engine.content);
  const [, file] = /^sqlite(?:\+\w+)?:\/\/(?:\/(.*))?$/s.exec(url) ?? [];
  if (!/^sqlite\b/.test(url)) return url;
  if (!file || file.startsWith(":memory:")) throw new Trouble("memory");
  return `sqlite:${file}`;
}

const units = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"] as const;
const microseconds = [86_400e6, 1e6, 1, 1e3, 60e6, 3600e6, 604_800e6] as const;

function secondsOf(call: Call): number {
  const given = take(call, units, 0).map((value) => {
    const number = numberOf(known(value ?? 0n));
    if (number === undefined) throw new Trouble("fails", `${typeName(value ?? null)} is no number`);
    return toFloat(number);
  });
  return Math.round(given.reduce((sum, amount, n) => sum + amount * microseconds[n]!, 0)) / 1e6;
}
