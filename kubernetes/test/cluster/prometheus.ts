import type { PodList } from 'kubernetes-types/core/v1.d.ts';
import { connectPrometheus, type PrometheusApi } from '../../../test/support/prometheus.ts';
import { getObject } from './commands.ts';
import { withPortForward } from './port-forward.ts';

/** Where kubernetes/monitoring puts rules and dashboards, and where the network policies expect Prometheus. */
export const MONITORING = 'monitoring';

/** Uses the Prometheus that the operator runs in the namespace `monitoring`. */
export async function withPrometheus<T>(use: (prometheus: PrometheusApi) => Promise<T>): Promise<T> {
  const selector = '--selector=app.kubernetes.io/name=prometheus';
  const { items } = await getObject<PodList>(['--namespace', MONITORING, 'pods', selector]);
  const pod = items[0]?.metadata?.name;
  if (pod === undefined) throw new Error(`no Prometheus in the namespace ${MONITORING}`);
  const target = { namespace: MONITORING, pod, port: 9090 };
  return await withPortForward(target, async (url) => await use(connectPrometheus(url)));
}
