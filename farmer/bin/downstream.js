#!/usr/bin/env node
const NEEDED = 26;
if (Number.parseInt(process.versions.node, 10) < NEEDED) {
  process.stderr.write(
    `error: downstream needs Node.js ${NEEDED}, this is ${process.versions.node}: use npx downstream, or the node in node_modules/.bin\n`,
  );
  process.exit(2);
}
await import('../dist/main.js');
