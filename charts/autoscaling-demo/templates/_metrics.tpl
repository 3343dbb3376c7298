{{/* Name of a series of the queue, which depends on the source. Takes a dict: part (total, ready, unacked, consumers), root. */}}
{{- define "demo.series" -}}
{{- $exporter := dict "total" "rabbitmq_queue_messages" "ready" "rabbitmq_queue_messages_ready" "unacked" "rabbitmq_queue_messages_unacknowledged" "consumers" "rabbitmq_queue_consumers" -}}
{{- $plugin := dict "total" "rabbitmq_detailed_queue_messages" "ready" "rabbitmq_detailed_queue_messages_ready" "unacked" "rabbitmq_detailed_queue_messages_unacked" "consumers" "rabbitmq_detailed_queue_consumers" -}}
{{- if eq .root.Values.metrics.source "exporter" -}}
{{- get $exporter .part -}}
{{- else -}}
{{- get $plugin .part -}}
{{- end -}}
{{- end -}}

{{/* Selector of the job queue. */}}
{{- define "demo.queueSelector" -}}
{namespace="{{ .Release.Namespace }}",vhost="/",queue="Orders"}
{{- end -}}

{{/* Selector of the HPA in the series of kube-state-metrics. */}}
{{- define "demo.hpaSelector" -}}
namespace="{{ .Release.Namespace }}",horizontalpodautoscaler="worker-scaler"
{{- end -}}
