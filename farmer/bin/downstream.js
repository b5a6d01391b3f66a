#!/usr/bin/env -S node --max-semi-space-size=4
const OLDEST = [24, 15];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `error: downstream requires Node.js ${OLDEST.join('.')} or later (found ${process.versions.node}): upgrade it, or in a clone run npx downstream\n`,
  );
  process.exit(2);
}
await import('../dist/main.js');
