import { describe } from "vitest";
import { expectNoLeaks } from "./leaks.ts";
import { connectionCases } from "./transport/connections.ts";
import { deliveryCases } from "./transport/delivery.ts";
import { endingCases } from "./transport/endings.ts";
import { pressureCases } from "./transport/pressure.ts";
import type { MakeTransport, TransportTraits } from "./transport/traits.ts";
import { waitingCases } from "./transport/waiting.ts";

export type { MakeTransport, TransportTraits } from "./transport/traits.ts";

/**
 * Defines the tests that every transport passes: the words of `Transport` in `fedmsg/plugin`, one by one. What may
 * differ between transports is in `traits`, each with its reason.
 *
 * @param makeTransport called once for each test
 * @example
 * ```ts
 * transportCompliance("memory", () => createMemoryTransport(), { ...every trait });
 * ```
 */
export function transportCompliance(name: string, makeTransport: MakeTransport, traits: TransportTraits): void {
  describe(`transport ${name}`, () => {
    expectNoLeaks();
    describe("delivers", () => deliveryCases(makeTransport));
    describe("waits", () => waitingCases(makeTransport));
    describe("is held up", () => pressureCases(makeTransport, traits));
    describe("connects", () => connectionCases(makeTransport, traits));
    describe("ends", () => endingCases(makeTransport));
  });
}
