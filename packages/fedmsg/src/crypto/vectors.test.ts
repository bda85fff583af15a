/** The Python implementation's own answers (testkit/vectors/x509.json). */
import { describe, expect, test } from "vitest";
import { pkiFolder, type Vector, vectorConfig, vectors } from "../../test/pki.ts";
import { completeConfig } from "../config/index.ts";
import { loads, lossless } from "../encoding.ts";
import { FedmsgError } from "../errors.ts";
import { createSigner, createValidator, fixDatagrepperMessage, type Validation, validationReasons } from "./index.ts";

/** What ours refuses when the configuration is read, where Python answered something for each message. */
const configurationErrors = new Set(["policy is a string containing the CN", "backends unknown"]);

async function answers(vector: Vector, messages: readonly (Uint8Array | string | object)[]): Promise<Validation[]> {
  const validator = await createValidator(vectorConfig(vector.config));
  try {
    const { signer } = vector;
    return await Promise.all(
      messages.map((message) =>
        signer === undefined ? validator.validate(message) : validator.validateSignedBy(message, signer),
      ),
    );
  } finally {
    validator.close();
  }
}

describe("validate answers as Python does", () => {
  test.each(vectors.cases.map((vector) => [vector.name, vector] as const))("%s", async (name, vector) => {
    if (configurationErrors.has(name)) return expect(() => vectorConfig(vector.config)).toThrow(FedmsgError);
    const object = loads(vector.wire, lossless);
    const forms = [vector.wire, Buffer.from(vector.wire), new Uint8Array(Buffer.from(vector.wire))];
    const all = typeof object === "object" && object !== null ? [...forms, object] : forms;
    const fixed = vector.pre ? all.map((message) => fixDatagrepperMessage(message)) : all;
    const results = await answers(vector, fixed);
    for (const result of results) {
      expect(result).toMatchObject({ valid: vector.valid });
      expect(result).toEqual(results[0]);
      if (!result.valid) expect(validationReasons).toHaveProperty(result.reason);
    }
  });

  test("every case was asked", () => expect(vectors.cases.length).toBe(117));
});

describe("sign writes the bytes that Python writes", () => {
  test.each(vectors.signing.items.map((item, n) => [`${n} ${item.cert}`, item] as const))("%s", async (_, item) => {
    const config = completeConfig({ ssldir: pkiFolder, certname: item.cert });
    const signer = await createSigner(config);
    expect(signer.signText(item.unsigned)).toBe(item.signed);
  });
});
