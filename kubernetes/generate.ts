import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

const rules = join(import.meta.dirname, '../prometheus/rules');

/** Where {@link prometheusRule} is kept. */
export const PROMETHEUS_RULE = join(import.meta.dirname, 'components/monitoring/prometheus-rule.yaml');

/** The rules of prometheus/rules as the Prometheus operator takes them, as YAML. */
export function prometheusRule(): string {
  const files = readdirSync(rules).sort();
  const groups = files.flatMap((name) => parse(readFileSync(join(rules, name), 'utf8')).groups);
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'farmer', labels: { 'app.kubernetes.io/name': 'farmer' } },
    spec: { groups },
  };
  return `# Made from prometheus/rules by \`npm run kubernetes\`.\n${stringify(rule, { lineWidth: 0 })}`;
}

if (import.meta.main) writeFileSync(PROMETHEUS_RULE, prometheusRule());
