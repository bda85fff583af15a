/** `+ - * / // % **` and the operators on bits, for numbers: ints of any size up to the bound, and floats. */

import { boundInteger, integerDigitsMax } from "./bounds.ts";
import { Trouble } from "./trouble.ts";

type Numeric = bigint | number;

/** Computes `left operator right`; `undefined` for an operator that numbers do not have. */
export function compute(operator: string, left: Numeric, right: Numeric): Numeric | undefined {
  if ((operator === "/" || operator === "//" || operator === "%") && Number(right) === 0) {
    throw new Trouble("fails", "a division by zero");
  }
  if (typeof left === "bigint" && typeof right === "bigint") return computeIntegers(operator, left, right);
  return computeFloats(operator, toFloat(left), toFloat(right));
}

function computeIntegers(operator: string, a: bigint, b: bigint): Numeric | undefined {
  switch (operator) {
    case "+":
      return boundInteger(a + b);
    case "-":
      return boundInteger(a - b);
    case "*":
      return boundInteger(a * b);
    case "/":
      return finite(exactFloat(a) / exactFloat(b));
    case "//":
      return (a - modulo(a, b)) / b;
    case "%":
      return modulo(a, b);
    case "**":
      return power(a, b);
    default:
      return computeBits(operator, a, b);
  }
}

function computeBits(operator: string, a: bigint, b: bigint): bigint | undefined {
  switch (operator) {
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "<<":
      return boundInteger(a << shift(b));
    case ">>":
      return a >> shift(b);
    default:
      return undefined;
  }
}

function shift(by: bigint): bigint {
  if (by < 0n) throw new Trouble("fails", "a shift by less than 0");
  // A shift to the right by more than that gives nothing else.
  if (by > integerDigitsMax * 4) throw new Trouble("integer");
  return by;
}

/** The remainder has the sign of the divisor. */
function modulo(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

function power(a: bigint, b: bigint): Numeric {
  if (b < 0n) {
    if (a === 0n) throw new Trouble("fails", "0 to a negative power");
    return finite(exactFloat(a) ** exactFloat(b));
  }
  if (a === 0n || a === 1n) return b === 0n ? 1n : a;
  if (a === -1n) return b % 2n === 0n ? 1n : -1n;
  const digits = String(a < 0n ? -a : a).length - 1;
  // 2 ** 3400 has 1024 digits; of larger numbers, each power adds so many at least.
  if (b > 3400n || BigInt(digits) * b > integerDigitsMax) throw new Trouble("integer");
  return boundInteger(a ** b);
}

function computeFloats(operator: string, a: number, b: number): number | undefined {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return floorDivide(a, b);
    case "%":
      return floatModulo(a, b);
    case "**":
      return floatPower(a, b);
    default:
      return undefined;
  }
}

function floatModulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

/** As Python's `float_floor_div`: by the remainder, as the quotient itself may be rounded up. */
function floorDivide(a: number, b: number): number {
  const rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0 && rest < 0 !== b < 0) quotient -= 1;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function floatPower(a: number, b: number): number {
  if (a === 0 && b < 0) throw new Trouble("fails", "0 to a negative power");
  // JavaScript has no number for 1 to an infinite power; Python has 1.
  if (a === 1 || b === 0) return 1;
  const result = a ** b;
  if (a < 0 && Number.isNaN(result)) throw new Trouble("complex");
  return Number.isFinite(a) && Number.isFinite(b) ? finite(result) : result;
}

/** `-value`, `+value` or `~value`. */
export function computeUnary(operator: string, value: Numeric): Numeric | undefined {
  if (operator === "-") return -value;
  if (operator === "+") return value;
  return operator === "~" && typeof value === "bigint" ? ~value : undefined;
}

/** A number as a float. */
export function toFloat(value: Numeric): number {
  return finiteFrom(value, Number(value));
}

function finiteFrom(value: Numeric, float: number): number {
  return typeof value === "bigint" ? finite(float) : float;
}

/** Between larger ints, the quotient would be rounded twice. */
function exactFloat(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
    throw new Trouble("safeInteger", String(value).slice(0, 40));
  }
  return Number(value);
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Trouble("fails", "the result is too large for a float");
  return value;
}
