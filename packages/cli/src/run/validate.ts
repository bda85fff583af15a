import { createReadStream } from "node:fs";
import { FedmsgError } from "fedmsg";
import { type CommandContext, escapeLine } from "fedmsg/command";
import type { Config } from "fedmsg/config";
import { createValidator, fixDatagrepperMessage, onlySigner, type Step, type Validation } from "fedmsg/crypto";
import { compileTopics } from "fedmsg/plugin";

interface ValidateOptions {
  readonly signer?: string;
  readonly history?: boolean;
  readonly json?: boolean;
}

/** Explains one message. */
export async function run({ arguments: [file = "-"], options, config, log }: CommandContext): Promise<number> {
  const { signer, history, json } = options as ValidateOptions;
  const read = await readBody(file, config.bodyBytesMax);
  const body = history ? fixDatagrepperMessage(read) : read;
  const validator = await createValidator(config, {
    onEvent: (event) => {
      if (event.type === "trust" && event.state !== "loaded") log.warn(`${event.location}: ${event.detail}`);
    },
  });
  try {
    const steps = await validator.explain(body, signer === undefined ? undefined : onlySigner(signer));
    const outcome =
      signer === undefined ? await validator.validate(body) : await validator.validateSignedBy(body, signer);
    const line = json ? JSON.stringify({ ...outcome, steps }) : explain(steps, outcome, body, config);
    process.stdout.write(`${line}\n`);
    return outcome.valid ? 0 : 1;
  } finally {
    validator.close();
  }
}

/** Reads a file, or stdin, without its last line feed, which is not part of a body. */
async function readBody(file: string, bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).byteLength;
      if (bytes > bytesMax + 1)
        throw new FedmsgError("FEDMSG_TOO_LARGE", `${file}: longer than bodyBytesMax, ${bytesMax}`);
    }
  } catch (cause) {
    if (cause instanceof FedmsgError) throw cause;
    throw new FedmsgError("FEDMSG_DECODE", `${file}: cannot be read: ${(cause as Error).message}`, { cause });
  }
  const body = Buffer.concat(chunks);
  return body.at(-1) === 0x0a ? body.subarray(0, -1) : body;
}

function explain(steps: readonly Step[], outcome: Validation, body: unknown, config: Config): string {
  const width = Math.max(...steps.map(({ name }) => name.length));
  const lines = steps.map(({ name, ok, detail }) => `${ok ? "ok" : "NO"}  ${name.padEnd(width)}  ${detail}`);
  return [...lines, "", conclude(outcome, body, config)].map(escapeLine).join("\n");
}

function conclude(outcome: Validation, body: unknown, config: Config): string {
  if (outcome.valid) return `accepted: signed by ${outcome.signer}`;
  if (outcome.reason !== "unsigned") return `not accepted: ${outcome.reason}`;
  const topic = topicOf(body);
  const { allow_unsigned: allowed } = config;
  if (topic !== undefined && allowed.length > 0 && compileTopics(allowed).matches(topic)) {
    return "not accepted by itself, but allow_unsigned lets its topic through, marked as unsigned";
  }
  return "not accepted: unsigned; allow_unsigned lists the topics that need no signature";
}

function topicOf(body: unknown): string | undefined {
  try {
    const text = typeof body === "string" ? body : Buffer.from(body as Uint8Array).toString("utf8");
    const { topic } = JSON.parse(text) as { topic?: unknown };
    return typeof topic === "string" ? topic : undefined;
  } catch {
    return undefined;
  }
}
