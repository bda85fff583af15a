import type { Document } from "yaml";

/**
 * Writes data as YAML that our reader takes back as it was: block style, texts in quotes where they would be taken for
 * something else (by readers of YAML 1.1, too), no anchors.
 *
 * @param edit may add comments before the text is made
 */
export async function writeYaml(data: unknown, edit?: (document: Document) => void): Promise<string> {
  const { Document } = await import("yaml");
  const document = new Document(data, { aliasDuplicateObjects: false, version: "1.2", compat: "yaml-1.1" });
  edit?.(document);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
