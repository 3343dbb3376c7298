#!/usr/bin/env bash
# Helm 3 and 4 on the cluster of KUBECONFIG, with a small chart of this script. HELM and KUBECTL are the programs.
set -uo pipefail
. "$(dirname "$0")/check.sh"
helm=${HELM:-helm}
kubectl=${KUBECTL:-kubectl}
folder=$(mktemp -d)
export HELM_CACHE_HOME=$folder/cache HELM_CONFIG_HOME=$folder/config HELM_DATA_HOME=$folder/data
trap '"$kubectl" delete namespace "$made" --wait=false >/dev/null 2>&1; rm -rf "$folder" "$said"' EXIT

chart=$folder/small
mkdir -p "$chart/templates"
cat >"$chart/Chart.yaml" <<'YAML'
apiVersion: v2
name: small
version: 1.0.0
YAML
echo 'value: first' >"$chart/values.yaml"
cat >"$chart/templates/all.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: small}
data: {key: {{ .Values.value | quote }}, release: {{ .Capabilities.KubeVersion.Version | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: small}
spec:
  replicas: 0
  selector: {matchLabels: {app: small}}
  template:
    metadata: {labels: {app: small}}
    spec: {containers: [{name: small, image: example/none}]}
{{- if .Values.unknown }}
---
apiVersion: clients.example/v1
kind: Gadget
metadata: {name: none}
{{- end }}
YAML

helm() { "$helm" --namespace "$made" "$@"; }
value() { says "$1" "$kubectl" --namespace "$made" get configmap small -o "jsonpath={.data.key}"; }
unknown() { refuses 'no matches for kind "Gadget"' "$helm" --namespace "$made" install other "$chart" --set unknown=true; }
gone() { ! "$kubectl" --namespace "$made" get configmap small >/dev/null 2>&1; }

check "install and wait" helm install small "$chart" --create-namespace --wait --timeout 60s
check "install the value" value first
check "list releases" says deployed helm list
check "upgrade" helm upgrade small "$chart" --set value=second --wait --timeout 60s
check "upgrade the value" value second
check "print the history" says superseded helm history small
check "roll back" helm rollback small 1 --wait --timeout 60s
check "roll the value back" value first
check "print the manifest" says "kind: Deployment" helm get manifest small
check "refuse an unknown kind" unknown
check "render with the server's release" says "release: \"v1." helm template small "$chart" --validate
check "uninstall" helm uninstall small --wait --timeout 60s
check "remove the objects" gone
finish
