import { createReadStream } from "node:fs";
import { FedmsgError } from "../errors.ts";
import { loads } from "../wire/loads.ts";
import { copyData, isMapping } from "./data.ts";
import { type Parsed, readYaml } from "./yaml-tree.ts";

/** The longest configuration file that is read, in bytes. */
export const fileBytesMax = 8 * 1024 * 1024;

/** Lines of a longer JSON file are not looked up: that takes seconds, and is only for the sake of messages. */
const jsonLinesBytesMax = 1024 * 1024;

/**
 * Reads a configuration file, JSON where its name ends so and YAML otherwise. An empty file is an empty mapping, and
 * where the whole mapping stands under one key `config`, as a Python file has it, that is taken off.
 *
 * @throws FedmsgError FEDMSG_CONFIG_UNREADABLE naming the file, with line and column where its syntax is wrong
 */
export async function readConfigFile(file: string): Promise<Parsed> {
  const text = await readText(file);
  const parsed = file.endsWith(".json") ? await readJson(file, text) : await readYaml(file, text);
  if (!isMapping(parsed.value)) return parsed.value === null ? { value: {} } : parsed;
  const { config, ...others } = parsed.value;
  if (!isMapping(config) || Object.keys(others).length > 0) return parsed;
  return { value: config, lines: parsed.lines?.members?.get("config") };
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
