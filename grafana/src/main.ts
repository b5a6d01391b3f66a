import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './files.ts';

/** `npm run dashboards`: writes dashboards/*.json. */
for (const { path, text } of dashboardFiles()) {
  writeFileSync(path, text);
  console.log(path);
}
