/** A reporter of vitest: names the tests that passed only when they were tried again. Each is a bug, its or the product's. */
export default class FlakyReporter {
  /** @param {readonly import("vitest/node").TestModule[]} modules */
  onTestRunEnd(modules) {
    const flaky = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => test.diagnostic()?.flaky),
    );
    if (flaky.length === 0) return;
    console.log(`\nPassed only at a second try, which is a bug of each (${flaky.length}):`);
    for (const test of flaky) {
      console.log(`  ${test.module.relativeModuleId} > ${test.fullName}`);
      console.log(`    ${test.result().errors?.[0]?.message ?? "no error was kept"}`);
    }
  }
}
