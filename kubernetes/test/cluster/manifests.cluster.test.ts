import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMPONENTS, OVERLAYS, type Rendered, renderKustomization, renderWith } from '../render.ts';
import { tryKubectl } from './commands.ts';
import { createNamespace, removeNamespace } from './namespace.ts';
import { hasOperator } from './operator.ts';

const withOperator = await hasOperator('objects of the Prometheus operator');

// The production overlay contains it already.
const ADDED = COMPONENTS.filter((name) => name !== 'monitoring');

describe('the API server', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await createNamespace('manifests');
  });
  afterAll(async () => await removeNamespace(namespace));

  /** Validates objects as if they were applied. Returns errors and warnings, such as those on pod security. */
  async function validate({ objects }: Rendered, ...args: string[]): Promise<{ exitCode: number; stderr: string }> {
    const items = objects.filter(({ apiVersion }) => withOperator || apiVersion !== 'monitoring.coreos.com/v1');
    const { exitCode, stderr } = await tryKubectl(
      ['apply', '--dry-run=server', '--validate=strict', '--filename=-', ...args],
      { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) },
    );
    return { exitCode, stderr };
  }
  const accepted = { exitCode: 0, stderr: '' };

  it.each([
    ...OVERLAYS.map((overlay) => [overlay, []] as const),
    ...ADDED.map((component) => ['production', [component]] as const),
    ['dev', COMPONENTS] as const,
    ['production', ADDED.toReversed()] as const,
  ])('accepts the overlay %s with components %j without warnings', async (overlay, components) => {
    expect(await validate(renderWith(overlay, components, { namespace }))).toEqual(accepted);
  });

  it('accepts alerts and dashboards without warnings', async () => {
    const rendered = renderKustomization({ namespace, resources: ['../../monitoring'] });
    expect(await validate(rendered, '--server-side')).toEqual(accepted);
  });

  it.each([
    [
      'an unknown field',
      { op: 'add', path: '/spec/template/spec/containers/0/livenesProbe', value: {} },
      'livenesProbe',
    ],
    ['a pod that is not restricted', { op: 'remove', path: '/spec/template/spec/securityContext' }, 'PodSecurity'],
  ])('reports %s', async (_, change, message) => {
    const patches = [{ target: { kind: 'StatefulSet', name: 'farmer' }, patch: JSON.stringify([change]) }];
    expect((await validate(renderWith('dev', [], { namespace, patches }))).stderr).toContain(message);
  });
});
