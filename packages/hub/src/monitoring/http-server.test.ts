import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually, expectNoLeaks, withTimeout } from "@fedmsg/testkit";
import { afterEach, expect, test } from "vitest";
import { type HttpServer, type Routes, startHttpServer } from "./http-server.ts";

expectNoLeaks();

const ok = { status: 200, contentType: "text/plain", text: "é\n" };
let server: HttpServer | undefined;

afterEach(async () => {
  await server?.close();
});

async function start(routes: Routes = { "/ok": () => ok }): Promise<HttpServer> {
  server = await startHttpServer({ host: "127.0.0.1", port: 0 }, routes, () => {});
  return server;
}

async function open({ url }: HttpServer): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {}); // It may be cut.
  await once(socket, "connect");
  return socket;
}

/** What comes back until the server ends the connection. */
async function answerTo(to: HttpServer, request: string): Promise<string> {
  const socket = await open(to);
  socket.write(request);
  let text = "";
  socket.setEncoding("latin1").on("data", (more: string) => {
    text += more;
  });
  await withTimeout(once(socket, "close"), "the end of the connection");
  return text;
}

const head = (line: string, ...more: string[]) =>
  `${[line, "Host: x", "Connection: close", ...more].join("\r\n")}\r\n\r\n`;

test.each([
  ["GET /ok HTTP/1.1", /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n\xc3\xa9\n$/s],
  ["GET /ok?x=1 HTTP/1.1", /^HTTP\/1\.1 200 OK\r\n/],
  ["HEAD /ok HTTP/1.1", /^HTTP\/1\.1 200 OK\r\n.*content-length: 3\r\n.*\r\n\r\n$/s],
  ["GET / HTTP/1.1", /^HTTP\/1\.1 404 .*\r\n\r\nthere is only \/ok\n$/s],
  ["GET /constructor HTTP/1.1", /^HTTP\/1\.1 404 /],
  ["GET /ok/ HTTP/1.1", /^HTTP\/1\.1 404 /],
  ["GET http://x/ok HTTP/1.1", /^HTTP\/1\.1 404 /],
  ["POST /ok HTTP/1.1", /^HTTP\/1\.1 405 .*\r\nallow: GET, HEAD\r\n/s],
  ["OPTIONS * HTTP/1.1", /^HTTP\/1\.1 405 /],
  ["CONNECT a:1 HTTP/1.1", /^$/],
  ["nonsense", /^HTTP\/1\.1 400 /],
])("%s is answered as it should be", async (line, wanted) => {
  expect(await answerTo(await start(), head(line))).toMatch(wanted);
});

test("a body is not read: the connection ends with the answer", async () => {
  const request = "GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
  expect(await answerTo(await start(), request)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n/is);
});

test("headers that are too long are refused", async () => {
  expect(await answerTo(await start(), head("GET /ok HTTP/1.1", `X: ${"x".repeat(9000)}`))).toMatch(/^HTTP\/1\.1 431 /);
});

test("one who never ends his question is cut", async () => {
  const slow = await answerTo(await start(), "GET /ok HTTP/1.1\r\nHost: x\r\n");
  expect(slow).toMatch(/^HTTP\/1\.1 408 /);
});

test("there are 32 connections at most; when one goes, another may come", async () => {
  const to = await start();
  const sockets: Socket[] = [];
  for (let n = 0; n < 32; n++) sockets.push(await open(to));
  expect(await answerTo(to, head("GET /ok HTTP/1.1"))).toBe("");
  sockets[0]?.destroy();
  let text = "";
  while (text === "") text = await answerTo(to, head("GET /ok HTTP/1.1"));
  expect(text).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of sockets) socket.destroy();
});

test("close() ends all connections at once, idle ones and those that wait for an answer", async () => {
  let isAsked = false;
  const to = await start({
    "/never": () => {
      isAsked = true;
      return new Promise(() => {});
    },
  });
  const [idle, waiting] = [await open(to), await open(to)];
  const ends = Promise.all([once(idle, "close"), once(waiting, "close")]);
  waiting.write("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually(() => isAsked, "the question");
  await withTimeout(to.close(), "close()", 1000);
  await withTimeout(ends, "the connections' end", 1000);
});
