/**
 * A deep copy of a message without its `signature` and `certificate`; `crypto` stays (`fedmsg/crypto/utils.py`,
 * `strip_credentials`). Objects of classes, a `Float` for instance, are not copied but shared.
 */
export function stripCredentials<M extends object>(message: M): Omit<M, "signature" | "certificate"> {
  const copy = copyDeep(message);
  if (copy instanceof Map) {
    copy.delete("signature");
    copy.delete("certificate");
  } else {
    Reflect.deleteProperty(copy, "signature");
    Reflect.deleteProperty(copy, "certificate");
  }
  return copy;
}

function copyDeep<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyDeep) as Value;
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copyDeep(item)])) as Value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyDeep(item)])) as Value;
}
