import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StatefulSet } from 'kubernetes-types/apps/v1.d.ts';
import type { ConfigMap, Container, Namespace, PodSpec, Service, ServiceAccount } from 'kubernetes-types/core/v1.d.ts';
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts';
import { parseAllDocuments } from 'yaml';
import { kustomize, kustomizeContent } from '../src/kustomize.ts';
import type { PodMonitor, PrometheusRule } from './operator-types.ts';

/** The kinds in our manifests, and the modules with their types. */
export const MODULES = {
  StatefulSet: 'kubernetes-types/apps/v1.d.ts',
  ConfigMap: 'kubernetes-types/core/v1.d.ts',
  Namespace: 'kubernetes-types/core/v1.d.ts',
  Pod: 'kubernetes-types/core/v1.d.ts',
  Service: 'kubernetes-types/core/v1.d.ts',
  ServiceAccount: 'kubernetes-types/core/v1.d.ts',
  Ingress: 'kubernetes-types/networking/v1.d.ts',
  NetworkPolicy: 'kubernetes-types/networking/v1.d.ts',
  PodDisruptionBudget: 'kubernetes-types/policy/v1.d.ts',
  PodMonitor: '../operator-types.ts',
  PrometheusRule: '../operator-types.ts',
} as const;

interface Kinds {
  StatefulSet: StatefulSet;
  ConfigMap: ConfigMap;
  Namespace: Namespace;
  Service: Service;
  ServiceAccount: ServiceAccount;
  Ingress: Ingress;
  NetworkPolicy: NetworkPolicy;
  PodDisruptionBudget: PodDisruptionBudget;
  PodMonitor: PodMonitor;
  PrometheusRule: PrometheusRule;
}
type Kind = keyof Kinds;

export interface Rendered {
  readonly objects: readonly { readonly kind: string; readonly [field: string]: unknown }[];
  all<K extends Kind>(kind: K): Kinds[K][];
  one<K extends Kind>(kind: K, name: string): Kinds[K];
}

export const OVERLAYS = ['dev', 'production'] as const;
type Overlay = (typeof OVERLAYS)[number];

/** All optional parts. The production overlay contains `monitoring`. */
export const COMPONENTS: readonly string[] = readdirSync(join(import.meta.dirname, '../components')).sort();

/** Renders the objects that `kubectl apply -k` sends for an overlay. */
export function render(overlay: Overlay): Rendered {
  return renderFolder(join(import.meta.dirname, '../overlays', overlay));
}

/**
 * Renders an overlay with components.
 *
 * @param fields other fields of the kustomization, such as `patches`
 */
export function renderWith(
  overlay: Overlay,
  components: readonly string[],
  fields: Readonly<Record<string, unknown>> = {},
): Rendered {
  return renderKustomization({
    resources: [`../../overlays/${overlay}`],
    components: components.map((component) => `../../components/${component}`),
    ...fields,
  });
}

/** @param kustomization of a folder like kubernetes/overlays/production, from which its paths start */
export function renderKustomization(kustomization: Readonly<Record<string, unknown>>): Rendered {
  return parseRendered(kustomizeContent(kustomization));
}

/** @param folder with a kustomization.yaml */
export function renderFolder(folder: string): Rendered {
  return parseRendered(kustomize(folder));
}

/** @param text what `kubectl kustomize` or `helm template` prints */
export function parseRendered(text: string): Rendered {
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
  const all = <K extends Kind>(kind: K): Kinds[K][] => objects.filter((object) => object.kind === kind);
  return {
    objects,
    all,
    one: (kind, name) => {
      const found = all(kind).find(({ metadata }) => metadata?.name === name);
      if (found === undefined) throw new Error(`no ${kind} ${name}`);
      return found;
    },
  };
}

/** The pod template of each workload. */
export function listPods({ all }: Rendered): { name: string; labels: Record<string, string>; spec: PodSpec }[] {
  return all('StatefulSet').map(({ metadata, spec }) => {
    const template = spec?.template;
    if (template?.spec === undefined) throw new Error(`workload ${metadata?.name} has no pod template`);
    return { name: metadata?.name ?? '', labels: template.metadata?.labels ?? {}, spec: template.spec };
  });
}

/** The farmer's pod template and its container. */
export function findFarmer(rendered: Rendered): ReturnType<typeof listPods>[number] & { container: Container } {
  const pod = listPods(rendered).find(({ name }) => name === 'farmer');
  if (pod === undefined) throw new Error('no farmer pod');
  return { ...pod, container: getOnlyContainer(pod.spec) };
}

export function getOnlyContainer({ containers }: PodSpec): Container {
  const [container, ...others] = containers;
  if (container === undefined || others.length > 0) throw new Error(`expected one container, got ${containers.length}`);
  return container;
}

/**
 * A container's environment: the variables of its ConfigMaps and its own.
 *
 * @param fields values of pod fields such as `metadata.name`; variables from other fields are omitted
 */
export function resolveEnvironment(
  rendered: Rendered,
  container: Container,
  fields: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const maps = (container.envFrom ?? []).map(
    ({ configMapRef }) => rendered.one('ConfigMap', configMapRef?.name ?? '').data ?? {},
  );
  const own = (container.env ?? []).flatMap(({ name, value, valueFrom }) => {
    const { fieldRef, configMapKeyRef } = valueFrom ?? {};
    const map = rendered.all('ConfigMap').find(({ metadata }) => metadata?.name === configMapKeyRef?.name);
    const resolved = value ?? fields[fieldRef?.fieldPath ?? ''] ?? map?.data?.[configMapKeyRef?.key ?? ''];
    return resolved === undefined ? [] : [[name, resolved]];
  });
  return Object.assign({}, ...maps, Object.fromEntries(own));
}
