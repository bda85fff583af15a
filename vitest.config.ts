import { defineConfig } from "vitest/config";

/** Tests run on the sources: the packages name them under this condition in their `exports`. */
const conditions = ["@fedmsg/source"];

const project = (name: string) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    root: `packages/${name}`,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000, // It matters only where something hangs; a busy machine may take long.
    hookTimeout: 60_000,
    retry: process.env.CI ? 1 : 0, // A busy machine should not stop a change; what it took is named at the end.
    pool: "forks" as const,
  },
});

export default defineConfig({
  test: {
    reporters: ["default", "./scripts/flaky-reporter.mjs"],
    maxWorkers: 2, // The suite waits more than it computes; one fewer than the cores, the default, leaves two cores idle.
    projects: ["zmtp", "fedmsg", "store", "hub", "cli", "testkit"].map(project),
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/bench/**"],
      reporter: ["text-summary"],
    },
  },
});
