import { join } from 'node:path';
import { renderChart } from './chart/chart.ts';
import { renderPrometheusRule } from './prometheus-rule.ts';

const FOLDER = join(import.meta.dirname, '..');

/** Renders the generated files of kubernetes/. Needs kubectl. */
export function renderKubernetesFiles(): { path: string; text: string }[] {
  const files = { 'monitoring/prometheus-rule.yaml': renderPrometheusRule() };
  const chart = Object.entries(renderChart()).map(([name, text]) => [`chart/${name}`, text] as const);
  return [...Object.entries(files), ...chart].map(([name, text]) => ({ path: join(FOLDER, name), text }));
}
