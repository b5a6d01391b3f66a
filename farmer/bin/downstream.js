#!/usr/bin/env -S node --max-semi-space-size=4
const REQUIRED_MAJOR = 26;
if (Number.parseInt(process.versions.node, 10) < REQUIRED_MAJOR) {
  process.stderr.write(
    `error: downstream requires Node.js ${REQUIRED_MAJOR} or later (found ${process.versions.node}): run npx downstream, or use node_modules/.bin/node\n`,
  );
  process.exit(2);
}
await import('../dist/main.js');
