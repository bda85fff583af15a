import { createReadStream } from "node:fs";
import { FedmsgError } from "../errors.ts";
import { loads } from "../wire/loads.ts";
import { copyData, isMapping } from "./data.ts";
import { type Surroundings, surroundings } from "./environment.ts";
import { type Parsed, readYaml } from "./yaml-tree.ts";

/** The longest configuration file that is read, in bytes. */
export const fileBytesMax = 8 * 1024 * 1024;

/** Lines of a longer JSON file are not looked up: that takes seconds, and is only for the sake of messages. */
const jsonLinesBytesMax = 1024 * 1024;

/**
 * Reads a configuration file as data: Python (which is never run), JSON, or YAML, as its name says. An empty file is an
 * empty mapping, except in Python; where the whole mapping stands under one key `config`, that is taken off.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE naming the file, with line and column where its syntax is wrong
 */
export async function readConfigFile(file: string, around: Surroundings): Promise<Parsed> {
  const text = await readText(file);
  if (file.endsWith(".py")) {
    const { readPython } = await import("./python/index.ts");
    return readPython(file, text, around);
  }
  const parsed = file.endsWith(".json") ? await readJson(file, text) : await readYaml(file, text);
  if (!isMapping(parsed.value)) return parsed.value === null ? { value: {} } : parsed;
  const { config, ...others } = parsed.value;
  if (!isMapping(config) || Object.keys(others).length > 0) return parsed;
  return { value: config, lines: parsed.lines?.members?.get("config") };
}

/** What a Python file says, and what it asked for to say it. */
export interface PythonConfig extends Parsed {
  /** What differs from one host, user or folder to the next, in words: `the host's name`, `the variable HOME`. */
  readonly used: readonly string[];
}

/**
 * Reads one Python configuration file as data, without running it, for those who want to keep what it says.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE with a line for each construct that cannot be read
 */
export async function readPythonConfig(file: string, known: Partial<Surroundings> = {}): Promise<PythonConfig> {
  const used = new Set<string>();
  const around = surroundings(known);
  const note = (name: string | symbol): string | symbol => {
    // That one is asked for by the reader itself.
    if (typeof name === "string" && name !== "FEDMSG_CONFIG_VARIABLES") used.add(`the variable ${name}`);
    return name;
  };
  const watched: Surroundings = {
    env: new Proxy(around.env, {
      get: (env, name) => Reflect.get(env, note(name)),
      has: (env, name) => Reflect.has(env, note(name)),
      getOwnPropertyDescriptor: (env, name) => Reflect.getOwnPropertyDescriptor(env, note(name)),
    }),
    get cwd() {
      used.add("the current folder");
      return around.cwd;
    },
    get home() {
      used.add("the user's home folder");
      return around.home;
    },
    get hostname() {
      used.add("the host's name");
      return around.hostname;
    },
  };
  const parsed = await readConfigFile(file, watched);
  return { ...parsed, used: [...used] };
}

async function readText(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // One byte more than allowed, to tell the two apart; what the file's size is said to be does not count.
    for await (const chunk of createReadStream(file, { end: fileBytesMax })) {
      chunks.push(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw unreadable(file, `cannot be read: ${errorText(cause)}`, cause);
  }
  if (bytes > fileBytesMax) throw unreadable(file, `longer than ${fileBytesMax} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw unreadable(file, "not UTF-8 text; save it in that encoding", cause);
  }
}

async function readJson(file: string, text: string): Promise<Parsed> {
  if (text.trim() === "") return { value: null };
  try {
    const value = copyData(JSON.parse(text));
    return { value, lines: text.length > jsonLinesBytesMax ? undefined : await jsonLines(file, text) };
  } catch (cause) {
    if (cause instanceof SyntaxError) throw unreadable(file, explainSyntax(text, cause), cause);
    throw unreadable(file, errorText(cause), cause);
  }
}

/** Nearly all JSON is YAML, and the YAML reader knows lines. Without them, messages name the file only. */
async function jsonLines(file: string, text: string): Promise<Parsed["lines"]> {
  try {
    return (await readYaml(file, text, { duplicates: true })).lines;
  } catch {
    return undefined;
  }
}

/** `JSON.parse` tells the position in some versions of Node and for some mistakes; our own reader always does. */
function explainSyntax(text: string, error: SyntaxError): string {
  try {
    loads(text);
  } catch (cause) {
    return errorText(cause);
  }
  return error.message;
}

function unreadable(file: string, what: string, cause?: unknown): FedmsgError {
  return new FedmsgError("FEDMSG_CONFIG_UNREADABLE", `${file}: ${what}`, { cause });
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
