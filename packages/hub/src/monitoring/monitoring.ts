/** How others see whether a hub works: the reports of `moksha.monitoring.socket`, and `metrics_port` over HTTP. */

import type { Delivery } from "fedmsg";
import type { Config } from "fedmsg/config";
import type { Expiry } from "fedmsg/crypto";
import type { Transport } from "fedmsg/plugin";
import { nameKey } from "../addresses.ts";
import type { HubStats } from "../stats.ts";
import { deliveryNotes, deliveryProblems, describeDelivery } from "./delivery.ts";
import { Health } from "./health.ts";
import { type Answer, type HttpServer, startHttpServer } from "./http-server.ts";
import { openReportSocket, type ReportSocket } from "./report-socket.ts";

/** What is watched, and how. */
export interface MonitoringOptions {
  readonly config: Config;
  readonly transport: Transport;
  /** What the hub did so far; `takeTimes` is called for each report. */
  readonly stats: () => HubStats;
  /** Whether some of what is to run in it has not started yet, nor failed to. Default: it has. */
  readonly isStarting?: () => boolean;
  /** The certificates that signatures depend on, and until when they are valid (`bus.certificates()`). */
  readonly certificates?: () => readonly Expiry[];
  /** How what it publishes gets to its relay (`bus.delivery()`). */
  readonly delivery?: () => Delivery | undefined;
  /** What else is wrong with the hub, for `/healthz`: a journal that cannot be written, for instance. */
  readonly problems?: () => readonly string[];
  /** Hears what does not work here. Must not throw. */
  readonly onWarning: (detail: string) => void;
  /** Of fedmsg. */
  readonly version: string;
  /** Seconds from one report to the next. Default 5, as in Python. */
  readonly reportSeconds?: number;
}

/** Running monitoring. */
export interface Monitoring {
  /** Where reports are published; absent where `moksha.monitoring.socket` is not set. */
  readonly socket?: string;
  /** Where `/healthz` and `/metrics` are, such as `http://127.0.0.1:9941`; absent where `metrics_port` is not set. */
  readonly url?: string;
  /** Ends it, with all its connections. Idempotent. */
  close(): Promise<void>;
}

/** How often it is looked whether consumers move on, in ms: somebody may ask for the first time when one is stuck. */
const watchMs = 60_000;

/**
 * Starts what the configuration asks for: reports on `moksha.monitoring.socket`, `/healthz` and `/metrics` on `metrics_port`.
 * It keeps no process alive.
 *
 * @throws FedmsgError FEDMSG_ADDRESS_IN_USE, FEDMSG_ADDRESS_INVALID, FEDMSG_TRANSPORT, each naming the key
 */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { config, reportSeconds = 5 } = options;
  const address = config["moksha.monitoring.socket"];
  const port = config.metrics_port;
  const socket =
    address === undefined ? undefined : await openReportSocket(address, { ...options, seconds: reportSeconds });
  try {
    return toMonitoring(socket, port === undefined ? undefined : await openPort(port, options));
  } catch (error) {
    await socket?.close();
    throw error;
  }
}

function toMonitoring(socket: ReportSocket | undefined, port: HttpServer | undefined): Monitoring {
  let closing: Promise<unknown> | undefined;
  return {
    ...(socket && { socket: socket.address }),
    ...(port && { url: port.url }),
    close: async () => {
      closing ??= Promise.all([socket?.close(), port?.close()]);
      await closing;
    },
  };
}

async function openPort(port: number, options: MonitoringOptions): Promise<HttpServer> {
  const {
    config,
    stats,
    isStarting = () => false,
    certificates = () => [],
    delivery = () => undefined,
    problems = () => [],
    onWarning,
    version,
  } = options;
  const { createMetrics } = await import("./metrics.ts");
  const metrics = createMetrics({ stats, certificates, delivery, version });
  const health = new Health();
  const look = () => [...problems(), ...deliveryProblems(delivery()), ...health.problems(stats())];
  const warn = (detail: string) => onWarning(`metrics_port: ${detail}`);
  const routes = {
    "/healthz": () => healthAnswer({ isStarting: isStarting(), problems: look(), version }, delivery()),
    "/metrics": async () => ({ status: 200, contentType: metrics.contentType, text: await metrics.text() }),
  };
  const timer = setInterval(() => attempt(look, warn), watchMs).unref();
  const stop = () => {
    clearInterval(timer);
    metrics.close();
  };
  try {
    const server = await startHttpServer(
      { host: config.metrics_interface.replace(/^\*$/, "0.0.0.0"), port },
      routes,
      warn,
    );
    const close = async () => {
      stop();
      await server.close();
    };
    return { ...server, close };
  } catch (error) {
    stop();
    throw nameKey(error, ["metrics_port"], config);
  }
}

interface HealthState {
  readonly isStarting: boolean;
  readonly problems: readonly string[];
  readonly version: string;
}

function healthAnswer({ isStarting, problems, version }: HealthState, delivery: Delivery | undefined): Answer {
  const isOk = problems.length === 0 && !isStarting;
  const notes = deliveryNotes(delivery);
  const body = {
    ...(isOk ? { status: "ok", version } : { status: isStarting ? "starting" : "failing", version, problems }),
    ...(notes.length > 0 && { notes }),
    ...(delivery && { delivery: describeDelivery(delivery) }),
  };
  return { status: isOk ? 200 : 503, contentType: "application/json", text: `${JSON.stringify(body)}\n` };
}

function attempt(work: () => unknown, warn: (detail: string) => void): void {
  try {
    work();
  } catch (error) {
    warn((error as Error).message);
  }
}
