import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Json } from './chart/template.ts';

/** @returns the text that `kubectl kustomize` prints for a folder */
export function kustomize(folder: string): string {
  return execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** @param kustomization of a folder like kubernetes/overlays/production, from which its paths start */
export function kustomizeContent(kustomization: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(import.meta.dirname, '.kustomization-'));
  try {
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return kustomize(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function parseObjects(text: string): Json[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}
