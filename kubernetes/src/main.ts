import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderKubernetesFiles } from './files.ts';

/** `npm run kubernetes`: writes monitoring/prometheus-rule.yaml and chart. */
for (const { path, text } of renderKubernetesFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(path);
}
