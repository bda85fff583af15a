/**
 * Checks the packages as their users will get them (`npm run package`): packs each one that is not private, has publint
 * and attw look at the tarballs, then installs the tarballs into an empty folder, where a program in TypeScript publishes
 * a message, receives it, and tests a consumer. Nothing of it touches the repository; `npm run build` must have run.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} version
 * @property {string} folder
 * @property {string} tarball
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** Commands are ended after this time, so that a program which does not exit is a failure and not a hang. */
const commandMs = 180_000;
const consumerMs = 30_000;

/** What the consumer prints: the topic and the message that it received. */
const expectedOutput = 'org.fedoraproject.dev.demo.hello {"hello":"world"}\n[{"said":"hello"}]';

/**
 * The consumer. It uses types wherever a user would, and ends by itself when the bus is closed.
 * @param {number} port
 */
const consumerSource = (port) => `import { type Bus, connect, FedmsgError, type FedmsgErrorCode } from "fedmsg";
import { canonicalize } from "fedmsg/encoding";
import { defineConsumer } from "fedmsg/plugin";
import { createTestBus, type Outcome } from "fedmsg/testing";

const bus: Bus = await connect({
  name: "demo",
  config: { endpoints: { demo: ["tcp://127.0.0.1:${port}"] }, validate_signatures: false },
});
const subscription = bus.subscribe({ topics: ["org.fedoraproject.dev.#"] });
await bus.publish({ topic: "hello", modname: "demo", msg: { hello: "world" } });
for await (const received of subscription) {
  const topic: string = received.topic;
  console.log(topic, canonicalize(JSON.stringify(received.message.msg)));
  break;
}
await bus.close();

try {
  await bus.publish({ topic: "late", modname: "demo", msg: {} });
} catch (error) {
  const code: FedmsgErrorCode | undefined = error instanceof FedmsgError ? error.code : undefined;
  if (code !== "FEDMSG_CLOSED") throw error;
}

const consumer = defineConsumer({
  name: "kept",
  durable: true,
  consume: ({ message }, { commit }) =>
    commit((db) => {
      db.run("CREATE TABLE kept (said TEXT)");
      db.run("INSERT INTO kept VALUES (?)", String(message.msg));
    }),
});
const testBus = await createTestBus();
const running = await testBus.run(consumer);
const outcome: Outcome = await running.feed({ topic: "demo.hello", msg: "hello" });
if (!outcome.handled) throw outcome.error;
console.log(JSON.stringify(await running.query("SELECT said FROM kept")));
await testBus.close();
`;

const consumerCompilerOptions = {
  target: "es2023",
  module: "nodenext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  types: ["node"],
};

/** A failure of what is checked, as opposed to one of this script. */
class CheckFailure extends Error {}

/**
 * Runs a command and returns what it wrote to stdout; anything but exit code 0 is a failure that shows what it wrote.
 * @param {string} what for the message, if it fails
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, timeoutMs?: number }} options
 * @returns {Promise<string>}
 */
function run(what, command, args, { cwd, timeoutMs = commandMs }) {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { cwd, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, timeout: timeoutMs, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const how = error.killed ? `did not end within ${timeoutMs / 1000} s` : `failed (exit ${error.code})`;
        const output = `${stdout}\n${stderr}`.replaceAll(cwd, ".").replaceAll(root, "").trim();
        reject(new CheckFailure(`${what} ${how}:\n${output.replaceAll(/^/gm, "  ")}`));
      },
    );
    child.stdin?.end();
  });
}

/**
 * Runs a program of this repository's own `node_modules`.
 * @param {string} what
 * @param {string} program
 * @param {readonly string[]} args
 */
function runTool(what, program, args) {
  return run(what, join(root, "node_modules", ".bin", program), args, { cwd: root });
}

/** @param {string} file */
async function readJson(file) {
  return JSON.parse(await readFile(file, "utf8"));
}

/** The folders of the packages that are published. */
async function publishableFolders() {
  const folders = [];
  for (const name of (await readdir(join(root, "packages"))).sort()) {
    const manifest = join(root, "packages", name, "package.json");
    if (existsSync(manifest) && (await readJson(manifest)).private !== true) folders.push(join(root, "packages", name));
  }
  return folders;
}

/**
 * Packs one package.
 * @param {string} folder
 * @param {string} destination
 * @returns {Promise<Package>}
 */
async function pack(folder, destination) {
  const where = relative(root, folder);
  if (!existsSync(join(folder, "dist")))
    throw new CheckFailure(`${where}/dist is missing; run \`npm run build\` first`);
  const output = await run(`npm pack of ${where}`, "npm", ["pack", "--json", "--pack-destination", destination], {
    cwd: folder,
  });
  const { name, version } = await readJson(join(folder, "package.json"));
  const tarball = (await readdir(destination)).find((file) => output.includes(`"${file}"`));
  if (tarball === undefined) throw new CheckFailure(`npm pack of ${where} wrote no tarball`);
  return { name, version, folder, tarball: join(destination, tarball) };
}

/**
 * Has publint and attw look at a tarball.
 * @param {Package} packed
 */
async function lintTarball({ name, tarball }) {
  await runTool(`publint of ${name}`, "publint", ["run", tarball, "--strict"]);
  const profile = ["--profile", "esm-only", "--no-definitely-typed", "--no-emoji", "--no-color", "--format", "ascii"];
  await runTool(`attw of ${name}`, "attw", [tarball, ...profile]);
}

/** Returns a port of 127.0.0.1 that nothing listens on. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * Installs the tarballs into an empty folder, with the compiler and the types that this repository uses.
 * @param {readonly Package[]} packed
 * @param {string} folder
 */
async function install(packed, folder) {
  const { devDependencies } = await readJson(join(root, "package.json"));
  const tools = ["typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  const tarballs = packed.map(({ tarball }) => tarball);
  await run("installing the tarballs", "npm", ["install", ...flags, ...tarballs, ...tools], { cwd: folder });
}

/**
 * Compiles and runs a program which publishes a message and receives it.
 * @param {string} folder
 */
async function checkConsumer(folder) {
  await writeFile(join(folder, "main.ts"), consumerSource(await freePort()));
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: consumerCompilerOptions, files: ["main.ts"] }),
  );
  await run("compiling the consumer", "npx", ["--no", "--", "tsc"], { cwd: folder });
  const started = performance.now();
  const output = await run("the consumer", process.execPath, ["main.js"], { cwd: folder, timeoutMs: consumerMs });
  if (output.trim() !== expectedOutput) {
    throw new CheckFailure(
      `the consumer printed ${JSON.stringify(output)} instead of ${JSON.stringify(expectedOutput)}`,
    );
  }
  return Math.round(performance.now() - started);
}

/**
 * Asks every command of the packages for its help.
 * @param {readonly Package[]} packed
 * @param {string} folder
 */
async function checkCommands(packed, folder) {
  const manifests = await Promise.all(packed.map((one) => readJson(join(one.folder, "package.json"))));
  const commands = manifests.flatMap(({ bin = {} }) => Object.keys(bin));
  for (const command of commands) {
    const help = await run(`npx ${command} --help`, "npx", ["--no", "--", command, "--help"], { cwd: folder });
    if (!/usage/i.test(help) || !help.includes(command)) {
      throw new CheckFailure(`npx ${command} --help printed no help of its own: ${JSON.stringify(help)}`);
    }
  }
  return commands;
}

/** @param {string} temporary */
async function main(temporary) {
  const tarballs = join(temporary, "tarballs");
  const consumer = join(temporary, "consumer");
  await mkdir(tarballs);
  await mkdir(consumer);

  /** @type {Package[]} */
  const packed = [];
  for (const folder of await publishableFolders()) packed.push(await pack(folder, tarballs));
  for (const one of packed) {
    await lintTarball(one);
    console.log(`package: ${basename(one.tarball)}: publint and attw found nothing`);
  }
  await install(packed, consumer);
  const consumerTookMs = await checkConsumer(consumer);
  console.log(`package: a program of its own compiled, published and received in ${consumerTookMs} ms`);
  const commands = await checkCommands(packed, consumer);
  console.log(`package: --help answered by ${commands.join(", ")}`);
}

const temporary = await mkdtemp(join(tmpdir(), "fedmsg-packages-"));
const removeTemporary = () => rm(temporary, { recursive: true, force: true });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => removeTemporary().finally(() => process.exit(1)));
}
try {
  await main(temporary);
} catch (error) {
  const text = error instanceof CheckFailure ? error.message : error instanceof Error ? error.stack : String(error);
  console.error(`package: FAILED: ${text?.replaceAll(temporary, "<temporary folder>")}`);
  process.exitCode = 1;
} finally {
  await removeTemporary();
}
