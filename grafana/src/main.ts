import { writeFileSync } from 'node:fs';
import { renderDashboardFiles } from './files.ts';

/** `npm run dashboards`: writes dashboards/*.json. */
for (const { path, text } of renderDashboardFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
