# Generated from kubernetes/base and kubernetes/components by `npm run kubernetes`.
{{- define "farmer.settings" -}}
FARMER_ADDRESS: {{ required "address: set the payout address" .Values.address | quote }}
{{- if .Values.disks }}
FARMER_DATA_DIR: "/data={{ .Values.size }}{{ range .Values.disks }},/disks/{{ .name }}={{ .size }}{{ end }}"
{{- end }}
FARMER_NODE_URL: {{ required "nodeUrl: set the URL of the node" .Values.nodeUrl | quote }}
{{- if .Values.disks }}
FARMER_SIZE: ""
{{- else }}
FARMER_SIZE: {{ .Values.size | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ ternary (int64 $value) $value (kindIs "float64" $value) | quote }}
{{- end }}
{{- end }}
