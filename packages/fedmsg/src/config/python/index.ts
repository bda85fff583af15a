/** The reader of old configuration files that are Python. */
export { type PythonSurroundings, readPython } from "./read-python.ts";
