/**
 * Numbers as Python spells them.
 *
 * JSON knows one kind of number, Python two, and a signature covers the spelling: `1` and `1.0` are different texts.
 * JavaScript's shortest round-trip digits are the same as Python's; only the notation differs (`1e-7` against `1e-07`,
 * `100000000000000000000` against `1e+20`).
 */

/** Python refuses to convert between int and text above this many digits (`sys.get_int_max_str_digits()`). */
export const intDigitsMax = 4300;

/**
 * A number that is written as Python's `float` even where its value is whole: `dumps(new Float(1))` is `1.0`, where
 * `dumps(1)` is `1`. In arithmetic it acts as the number it holds.
 */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }

  /** The number as Python's `repr` spells it. */
  toString(): string {
    return formatFloat(this.value);
  }

  /** For `JSON.stringify`, which has no way to keep the difference. */
  toJSON(): number {
    return this.value;
  }
}

/**
 * Spells a number as Python's `float.__repr__` does: shortest digits that read back the same, always with a point or an
 * exponent, exponent form below 1e-4 and from 1e16 on, `NaN`, `Infinity`, `-Infinity`, `-0.0`.
 */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e16 || (magnitude < 1e-4 && magnitude > 0)) return formatExponent(value);
  if (Number.isInteger(value)) return Object.is(value, -0) ? "-0.0" : `${value}.0`;
  return String(value);
}

/** `1.5e-7` → `1.5e-07`: the exponent has a sign and at least two digits. */
function formatExponent(value: number): string {
  const text = value.toExponential();
  const digitsAt = text.indexOf("e") + 2;
  return text.length - digitsAt < 2 ? `${text.slice(0, digitsAt)}0${text.slice(digitsAt)}` : text;
}

/**
 * Spells a JavaScript number, which may stand for either kind: whole numbers as an int as far as JavaScript itself
 * writes out the digits (below 1e21), all others as a float.
 */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21 && !Object.is(value, -0)) return String(value);
  return formatFloat(value);
}
