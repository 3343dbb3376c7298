{{/* Labels of an object. Takes a dict: name, component, root. */}}
{{- define "demo.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/component: {{ .component }}
{{ include "demo.commonLabels" .root }}
{{- end -}}

{{/* Labels of all objects; `surge down` finds them by `part-of` and `managed-by`. */}}
{{- define "demo.commonLabels" -}}
app.kubernetes.io/part-of: autoscaling-demo
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Values.managedBy | default .Release.Service }}
{{- end -}}

{{/* Labels that never change: selectors. Takes the workload's name. */}}
{{- define "demo.selector" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/part-of: autoscaling-demo
{{- end -}}

{{/* Labels of a pod. Takes a dict: name, component. */}}
{{- define "demo.podLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: autoscaling-demo
{{- end -}}

{{/* Container settings that Pod Security "restricted" requires. */}}
{{- define "demo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Pod settings that Pod Security "restricted" requires. Takes the ID of user and group. */}}
{{- define "demo.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Spreads the pods of a workload over the nodes. Takes the workload's name. */}}
{{- define "demo.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "demo.selector" . | nindent 6 }}
{{- end -}}

{{- define "demo.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Environment variables with which producer and worker connect to the broker. */}}
{{- define "demo.amqpEnv" -}}
# The kubelet expands the Service's variables, so the program needs no DNS.
- name: AMQP_HOST
  value: $(RABBITMQ_SERVICE_HOST)
- name: AMQP_PORT
  value: $(RABBITMQ_SERVICE_PORT_AMQP)
- name: AMQP_USER
  valueFrom:
    secretKeyRef:
      name: rabbitmq
      key: username
- name: AMQP_PASSWORD
  valueFrom:
    secretKeyRef:
      name: rabbitmq
      key: password
- name: QUEUE_TYPE
  value: {{ .Values.queue.type }}
{{- end -}}

{{- define "demo.rabbitmqImage" -}}
{{- if .Values.images.rabbitmq -}}
{{ .Values.images.rabbitmq }}
{{- else if eq .Values.metrics.source "exporter" -}}
rabbitmq:3.13-management
{{- else -}}
rabbitmq:4.3-management
{{- end -}}
{{- end -}}

{{/* Seconds of a duration such as 1m30s or 500ms. */}}
{{- define "demo.seconds" -}}
{{- $seconds := 0.0 -}}
{{- $units := dict "y" 31536000.0 "w" 604800.0 "d" 86400.0 "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 "us" 0.000001 -}}
{{- range regexFindAll "[0-9.]+(y|w|d|h|ms|us|m|s)" . -1 -}}
{{- $number := regexFind "^[0-9.]+" . | float64 -}}
{{- $seconds = addf $seconds (mulf $number (index $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}
