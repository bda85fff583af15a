import { toJsonSchema } from "@valibot/to-json-schema";
import { type ConfigKey, configKeys } from "fedmsg/config";

/** Prints {@link configJsonSchema}. */
export async function run(): Promise<number> {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return 0;
}

/** The configuration in JSON Schema (draft-07, which editors know): what a file may hold, each key with its explanation. */
export function configJsonSchema(): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of fedmsg",
    type: "object",
    properties: Object.fromEntries(Object.entries(configKeys).map(([name, key]) => [name, toProperty(key)])),
    additionalProperties: true,
  };
}

function toProperty(key: ConfigKey): object {
  const { $schema: _, ...schema } = toJsonSchema(key.schema, {
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ jsonSchema }) => {
      const { default: _default, ...rest } = jsonSchema;
      return rest;
    },
  });
  return {
    description: key.description,
    ...("default" in key && { default: key.default }),
    anyOf: [schema, { type: "null" }], // For "not given", as Python's None.
  };
}
