import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

const RULES = join(import.meta.dirname, '../../prometheus/rules');

/** Renders prometheus/rules as YAML for the Prometheus operator. */
export function renderPrometheusRule(): string {
  const files = readdirSync(RULES).sort();
  const groups = files.flatMap((name) => parse(readFileSync(join(RULES, name), 'utf8')).groups);
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'farmer', labels: { 'app.kubernetes.io/name': 'farmer' } },
    spec: { groups },
  };
  return `# Generated from prometheus/rules by \`npm run kubernetes\`.\n${stringify(rule, { lineWidth: 0 })}`;
}
