/** Numbers with a wanted number of digits, rounded as C and Python do: to the even digit where two are as near. */

import { Trouble } from "./trouble.ts";

/** The most digits after the point; JavaScript has no more. */
export const precisionMax = 60;

/** How many more digits are looked at to tell whether a number is exactly half way. */
const extraDigits = 40;

/** `%f` of a number that is not negative. */
export function fixed(value: number, precision: number): string {
  if (value >= 1e21) return BigInt(value) + (precision > 0 ? `.${"0".repeat(precision)}` : "");
  return roundHalf(value.toFixed(precision + extraDigits), value.toFixed(precision));
}

/** `%e` of a number that is not negative: the exponent has two digits at least. */
export function exponential(value: number, precision: number): string {
  const [long] = value.toExponential(precision + extraDigits).split("e") as [string];
  const [digits, exponent] = value.toExponential(precision).split("e") as [string, string];
  const isShifted = exponent !== value.toExponential(precision + extraDigits).split("e")[1];
  const power = Number(exponent);
  const mantissa = isShifted ? digits : roundHalf(long, digits);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** JavaScript rounds a half up. The longer text tells whether it was one, and what stands before it. */
function roundHalf(long: string, rounded: string): string {
  const tail = long.slice(-extraDigits);
  if (!/^50*$/.test(tail)) return rounded;
  const cut = long.slice(0, -extraDigits).replace(/\.$/, "");
  return "02468".includes(cut.at(-1)!) ? cut : rounded;
}

/** `%g` of a number that is not negative. */
export function general(value: number, precision: number, keepZeros: boolean): string {
  const digits = Math.max(precision, 1);
  const power = value === 0 ? 0 : Number(exponential(value, digits - 1).split("e")[1]);
  if (power >= -4 && power < digits) return strip(fixed(value, digits - 1 - power), keepZeros);
  const [mantissa, exponent] = exponential(value, digits - 1).split("e") as [string, string];
  return `${strip(mantissa, keepZeros)}e${exponent}`;
}

function strip(digits: string, keepZeros: boolean): string {
  return keepZeros || !digits.includes(".") ? digits : digits.replace(/\.?0*$/, "");
}

/** A number that is not negative by the letter of its form: `f`, `F`, `e`, `E`, `g`, `G`. */
export function formatFloat(value: number, type: string, precision: number, keepZeros = false): string {
  if (precision > precisionMax) throw new Trouble("format", `more than ${precisionMax} digits after the point`);
  const kind = type.toLowerCase();
  const text = Number.isFinite(value) ? byKind(value, kind, precision, keepZeros) : Number.isNaN(value) ? "nan" : "inf";
  return kind === type ? text : text.toUpperCase();
}

function byKind(value: number, kind: string, precision: number, keepZeros: boolean): string {
  if (kind === "f") return fixed(value, precision);
  return kind === "e" ? exponential(value, precision) : general(value, precision, keepZeros);
}
