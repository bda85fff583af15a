/**
 * A small HTTP server that answers a few `GET`s, for those who watch. It takes no body, few connections, and nobody's time:
 * who is slow is cut.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FedmsgError } from "fedmsg";

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** What there is, by path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A server that listens. */
export interface HttpServer {
  /** `http://127.0.0.1:9941` */
  readonly url: string;
  /** Ends all connections, now. */
  close(): Promise<void>;
}

/** How many connections there are at a time, and how long each may take, in ms. */
const limits = {
  connectionsMax: 32,
  headerBytesMax: 8 * 1024,
  requestMs: 5000,
  idleMs: 10_000,
  requestsPerConnectionMax: 1000,
} as const;

/**
 * Listens.
 *
 * @param onWarning hears of routes that failed
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_TRANSPORT
 */
export async function startHttpServer(
  where: { readonly host: string; readonly port: number },
  routes: Routes,
  onWarning: (detail: string) => void,
): Promise<HttpServer> {
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: 1000,
  });
  server.maxConnections = limits.connectionsMax;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  server.setTimeout(limits.idleMs); // Who does not read his answer is cut, too.
  server.on("request", (request, response) => void respond(routes, request, response, onWarning));
  await listen(server, where);
  server.unref();
  server.on("error", (error) => onWarning(`no connection can be accepted: ${error.message}`));
  return {
    url: `http://${formatHost(server.address() as AddressInfo)}`,
    close: () => close(server),
  };
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      const where = `${host}, port ${port}`;
      const what = isTaken
        ? `${where} is in use already; each program that reads this key needs a port of its own`
        : `cannot listen on ${where}: ${cause.message}`;
      reject(new FedmsgError(isTaken ? "FEDMSG_ADDRESS_IN_USE" : "FEDMSG_TRANSPORT", what, { cause }));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function respond(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
  onWarning: (detail: string) => void,
): Promise<void> {
  const { status, contentType, text } = await answer(routes, request, onWarning);
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 405 && { allow: "GET, HEAD" }),
    ...(hasBody && { connection: "close" }), // Nobody reads it.
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

async function answer(routes: Routes, request: IncomingMessage, onWarning: (detail: string) => void): Promise<Answer> {
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "only GET and HEAD");
  const path = (request.url ?? "").replace(/\?.*$/s, "");
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) return plain(404, `there is only ${Object.keys(routes).join(" and ")}`);
  try {
    return await route();
  } catch (error) {
    onWarning(`${path}: ${(error as Error).message}`);
    return plain(500, "this cannot be told; the log says why");
  }
}

function plain(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", text: `${text}\n` };
}

function formatHost({ address, port }: AddressInfo): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
