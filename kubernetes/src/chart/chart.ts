import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { renderFarm } from './farm.ts';
import { renderSchema } from './schema.ts';
import { renderTemplates } from './templates.ts';
import { COMPONENTS, VALUES } from './values.ts';
import { renderValuesFile } from './values-file.ts';

const HEADER = '# Generated from kubernetes/base and kubernetes/components by `npm run kubernetes`.\n';

/** Renders the generated files of the Helm chart by their paths in it. */
export function renderChart(): Record<string, string> {
  const farm = renderFarm(COMPONENTS);
  const templates = Object.entries(renderTemplates(farm, VALUES));
  return {
    'Chart.yaml': HEADER + renderChartFile(),
    'values.yaml': `${HEADER}\n${renderValuesFile(VALUES, farm.base)}`,
    'values.schema.json': renderSchema(VALUES),
    ...Object.fromEntries(templates.map(([name, text]) => [`templates/${name}`, HEADER + text])),
  };
}

function renderChartFile(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'));
  return stringify({
    apiVersion: 'v2',
    name: 'downstream-farmer',
    description: 'Storage farmers with their own volumes, tokens and contracts',
    type: 'application',
    version,
    appVersion: version,
    kubeVersion: '>=1.27.0-0',
  });
}
