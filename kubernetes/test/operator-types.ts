/** The fields of the Prometheus operator's kinds that our manifests use. Other fields fail the type check. */
interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
}

export interface PodMonitor {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PodMonitor';
  metadata: Metadata;
  spec: {
    selector: { matchLabels: Record<string, string> };
    podMetricsEndpoints: {
      port: string;
      path: string;
      interval: string;
      relabelings: { sourceLabels?: string[]; targetLabel: string; replacement?: string }[];
    }[];
  };
}

interface AlertingRule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface RecordingRule {
  record: string;
  expr: string;
  labels?: Record<string, string>;
}

export interface PrometheusRule {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PrometheusRule';
  metadata: Metadata;
  spec: { groups: { name: string; interval?: string; rules: (AlertingRule | RecordingRule)[] }[] };
}
