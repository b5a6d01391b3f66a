#!/usr/bin/env node
const OLDEST = [24, 15];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `error: downstream-mock-node requires Node.js ${OLDEST.join('.')} or later (found ${process.versions.node}): upgrade it\n`,
  );
  process.exit(2);
}
await import('../dist/main.js');
