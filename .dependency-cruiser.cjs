/**
 * Who may import whom (`npm run directions`). The tables here are those of the design: between packages, and inside the
 * client library, where left may not import right. To allow a new direction, change its table and write an ADR.
 *
 * Imports between packages go by name and are resolved to the sources, by the condition `@fedmsg/source` that each package
 * names in its `exports`; so a rule sees `packages/store/src/...` wherever a file says `@fedmsg/store`.
 */
const { existsSync, readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

/** Each package, and its sisters that it may import. */
const packageDirections = {
  zmtp: [],
  fedmsg: ["zmtp"],
  meta: ["fedmsg"],
  "meta-fedora": ["fedmsg", "meta"],
  store: ["fedmsg", "meta"],
  hub: ["fedmsg", "meta", "store"],
  brokers: ["fedmsg"],
  query: ["fedmsg", "meta", "store"],
  monitor: [],
  notify: ["fedmsg", "meta", "hub", "store"],
  cli: ["zmtp", "fedmsg", "meta", "meta-fedora", "store", "hub", "brokers", "query", "monitor", "notify"],
};

/** The client library from left to right, as paths below `packages/fedmsg/src`: each may import those before it. */
const libraryLayers = [
  "errors\\.ts",
  "wire/",
  "config/",
  "crypto/",
  "transport/",
  "replay/",
  "bus/",
  "plugins/",
  "testing/",
];

/** The entry points of the client library and the layer that each ends at. They only re-export; nothing inside imports them. */
const libraryFacades = {
  "encoding\\.ts": "wire/",
  "plugin\\.ts": "plugins/",
  "command\\.ts": "plugins/",
  "testing\\.ts": "testing/",
  "index\\.ts": "plugins/",
};

const library = "^packages/fedmsg/src/";
const tests = "\\.test\\.ts$|^packages/[^/]+/test/|^packages/testkit/";
const zeromq = "(?:^|/)node_modules/zeromq/";
const oneOf = (/** @type {string[]} */ names) => `(?:${names.join("|")})`;

const betweenPackages = Object.entries(packageDirections).map(([name, allowed]) => ({
  name: `package-${name}`,
  comment: `packages/${name} may import ${allowed.join(", ") || "no other package of this repository"}.`,
  severity: "error",
  from: { path: `^packages/${name}/` },
  to: { path: "^packages/", pathNot: `^packages/${oneOf([name, ...allowed, "testkit"])}/` }, // testkit: tests-by-tests
}));

/** Between packages an import needs a line in package.json too, or it works only in this repository. */
const declaredSisters = readdirSync(join(__dirname, "packages"))
  .filter((name) => existsSync(join(__dirname, "packages", name, "package.json")))
  .map((name) => {
    const manifest = JSON.parse(readFileSync(join(__dirname, "packages", name, "package.json"), "utf8"));
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const sisters = declared.map((dependency) => dependency.replace("@fedmsg/", ""));
    return {
      name: `declared-${name}`,
      comment: `packages/${name}/package.json lists each package of this repository that ${name} imports.`,
      severity: "error",
      from: { path: `^packages/${name}/`, pathNot: "\\.test\\.ts$|^packages/[^/]+/test/" },
      to: { path: "^packages/", pathNot: `^packages/${oneOf([name, ...sisters])}/` },
    };
  });

const insideLibrary = libraryLayers.slice(0, -1).map((layer, index) => ({
  name: `library-${layer.replace(/\W+(ts)?$/, "")}`,
  comment:
    "Left may not import right: errors.ts, wire/, config/, crypto/, transport/, replay/, bus/, plugins/, testing/.",
  severity: "error",
  from: { path: `${library}${layer}`, pathNot: tests },
  to: { path: `${library}${oneOf(libraryLayers.slice(index + 1))}` },
}));

const facades = Object.entries(libraryFacades)
  .filter(([facade]) => facade !== "index\\.ts") // which may re-export everything
  .map(([facade, last]) => ({
    name: `library-facade-${facade.replace("\\.ts", "")}`,
    comment: `${facade.replace("\\", "")} re-exports what lies in ${last} and left of it.`,
    severity: "error",
    from: { path: `${library}${facade}$` },
    to: { path: library, pathNot: `${library}${oneOf(libraryLayers.slice(0, libraryLayers.indexOf(last) + 1))}` },
  }));

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycle",
      comment: "No cycle, of values or of types: move what both need to the left.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "not-to-unresolvable",
      comment: "The import names a file, package or sub-path that does not exist or is not exported.",
      severity: "error",
      // The launchers import what `npm run build` writes, which need not be there.
      from: { pathNot: "^packages/[^/]+/bin/" },
      to: { couldNotResolve: true },
    },

    ...betweenPackages,
    ...declaredSisters,
    {
      name: "package-known",
      comment: "Every package has a line in the table of directions at the top of this file.",
      severity: "error",
      from: { path: "^packages/", pathNot: `^packages/${oneOf([...Object.keys(packageDirections), "testkit"])}/` },
      to: {},
    },
    {
      name: "package-by-name",
      comment: "Another package is imported by its name, as it `exports` itself, never by a relative path.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: {
        path: "^packages/",
        pathNot: "^packages/$1/",
        dependencyTypesNot: ["aliased-workspace"],
      },
    },
    {
      name: "tests-by-tests",
      comment: "Only tests import test files and the testkit.",
      severity: "error",
      from: { pathNot: tests },
      to: { path: tests },
    },

    ...insideLibrary,
    ...facades,
    {
      name: "library-facade-inwards",
      comment: "Inside the library, a thing is imported from the file that has it, not from an entry point.",
      severity: "error",
      from: { path: library, pathNot: [tests, `${library}${oneOf(Object.keys(libraryFacades))}$`] },
      to: { path: `${library}${oneOf(Object.keys(libraryFacades))}$` },
    },
    {
      name: "library-known",
      comment:
        "Every file of the library is in one of the layers, or is one of the entry points, at the top of this file.",
      severity: "error",
      from: {
        path: library,
        pathNot: [tests, `${library}${oneOf([...libraryLayers, ...Object.keys(libraryFacades)])}`],
      },
      to: {},
    },
    {
      name: "library-known-target",
      comment:
        "Every file of the library is in one of the layers, or is one of the entry points, at the top of this file.",
      severity: "error",
      from: { pathNot: tests },
      to: { path: library, pathNot: `${library}${oneOf([...libraryLayers, ...Object.keys(libraryFacades)])}` },
    },
    {
      name: "wire-pure",
      comment: "wire/ is bytes in, values out: no Node module, no package, nothing but wire/ and errors.ts.",
      severity: "error",
      from: { path: `${library}wire/`, pathNot: tests },
      to: { pathNot: `${library}(?:wire/|errors\\.ts$)` },
    },
    {
      name: "zeromq-in-transport",
      comment: "Only transport/ knows libzmq. Tests, the testkit and the benchmarks hold it against ours.",
      severity: "error",
      from: { pathNot: [`${library}transport/`, tests, "^bench/", "^packages/[^/]+/bench/"] },
      to: { path: zeromq },
    },

    {
      name: "declared",
      comment: "A package that is imported stands in the package.json beside it.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], pathNot: zeromq }, // its own rule says who may
    },
    {
      name: "no-development-dependency",
      comment: "What is published imports no devDependency. An optional peer is one too, for the tests.",
      severity: "error",
      from: { path: "^packages/", pathNot: tests },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only", "npm-peer"] },
    },
  ],
  options: {
    doNotFollow: { path: "(?:^|/)node_modules/|^packages/[^/]+/dist/" },
    exclude: { path: "^packages/testkit/vectors/|(?:^|/)coverage/" },
    // Types count: a direction that only types take is a direction.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@fedmsg/source", "import", "node", "default", "types"],
      extensions: [".ts", ".mts", ".js", ".mjs", ".cjs", ".json", ".d.ts"],
      mainFields: ["module", "main", "types"],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};
