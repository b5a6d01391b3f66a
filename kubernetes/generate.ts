import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';

const RULES = join(import.meta.dirname, '../prometheus/rules');
const DASHBOARDS = join(import.meta.dirname, '../grafana/dashboards');

/** The folder of what is {@link generated}. Kustomize reads no file from outside of a kustomization's own folder. */
export const GENERATED = join(import.meta.dirname, 'components/monitoring/generated');

const read = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

/** All of prometheus/rules as the Prometheus operator takes it. */
function prometheusRule() {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'farmer', labels: { 'app.kubernetes.io/name': 'farmer' } },
    spec: { groups: read(RULES).flatMap(({ text }) => parse(text).groups) },
  };
}

/** A dashboard as Grafana's sidecar takes it. One object each: all of them in one would come near the limit of 1 MiB. */
function configMap(file: string, text: string) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `dashboard-${basename(file, '.json')}`, labels: { grafana_dashboard: '1' } },
    data: { [file]: text },
  };
}

/** The files of {@link GENERATED}: name to content, made from prometheus/rules and grafana/dashboards. */
export function generated(): Record<string, string> {
  const yaml = (value: object) =>
    `# Made from prometheus/rules and grafana/dashboards by \`npm run kubernetes\`.\n${stringify(value, { lineWidth: 0 })}`;
  const files = {
    'prometheus-rule.yaml': prometheusRule(),
    ...Object.fromEntries(
      read(DASHBOARDS).map(({ name, text }) => [`dashboard-${basename(name, '.json')}.yaml`, configMap(name, text)]),
    ),
  };
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: Object.keys(files),
  };
  return Object.fromEntries(
    Object.entries({ 'kustomization.yaml': kustomization, ...files }).map(([name, value]) => [name, yaml(value)]),
  );
}

if (import.meta.main) {
  rmSync(GENERATED, { recursive: true, force: true });
  mkdirSync(GENERATED);
  for (const [name, text] of Object.entries(generated())) writeFileSync(join(GENERATED, name), text);
}
