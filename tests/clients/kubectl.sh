#!/usr/bin/env bash
# kubectl of any release on the cluster of KUBECONFIG, which has the demo in NAMESPACE. KUBECTL is the program.
set -uo pipefail
. "$(dirname "$0")/check.sh"
kubectl=${KUBECTL:-kubectl}
demo=${NAMESPACE:-autoscaling-demo}
folder=$(mktemp -d)
trap '"$kubectl" delete namespace "$made" --wait=false >/dev/null 2>&1; rm -rf "$folder" "$said"' EXIT

in_demo=("$kubectl" --namespace "$demo")
in_own=("$kubectl" --namespace "$made")

# ends COMMAND...: the command ends within ten seconds, with any result.
ends() {
  timeout 10 "$@" </dev/null
  [ $? -ne 124 ] || { echo "no answer after ten seconds" && return 1; }
}

# differs: kubectl ends with 1 if there is a difference.
differs() {
  local output
  output=$("${in_own[@]}" diff -f "$folder/two.yaml")
  [ $? = 1 ] && contains "second" "$output"
}

prune() {
  "${in_own[@]}" apply --prune -l set=clients -f "$folder/three.yaml" && ! "${in_own[@]}" get configmap one 2>/dev/null
}

# watched: a watch reports a change that happens after its start.
watched() {
  "${in_own[@]}" create configmap watched >/dev/null
  "${in_own[@]}" get configmap watched -o name >/dev/null || return 1
  timeout 20 "${in_own[@]}" get configmap watched --watch -o "jsonpath={.data.at}{'\n'}" >"$folder/watch" &
  local watch=$!
  eventually test -s "$folder/watch"
  "${in_own[@]}" patch configmap watched --type=merge -p '{"data":{"at":"changed"}}' >/dev/null
  eventually grep -q changed "$folder/watch"
  local found=$?
  kill $watch
  wait $watch 2>/dev/null
  return $found
}

# forwarded TARGET PORT [COUNT]: requests through a tunnel are answered.
forwarded() {
  local target=$1 port=$2 count=${3:-1} result=0 number answers=()
  rm -f "$folder/forward"
  "${in_demo[@]}" port-forward "$target" ":$port" >"$folder/forward" 2>&1 &
  local forward=$!
  if eventually grep -qs '^Forwarding from 127' "$folder/forward"; then
    number=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$folder/forward")
    for _ in $(seq "$count"); do
      curl --silent --fail --max-time 10 --output /dev/null "http://127.0.0.1:$number/healthz" &
      answers+=($!)
    done
    for answer in "${answers[@]}"; do
      wait "$answer" || result=1
    done
  else
    result=1
  fi
  kill $forward
  wait $forward 2>/dev/null
  cat "$folder/forward"
  return $result
}

check "create a namespace" "$kubectl" create namespace "$made"
check "list pods with more columns" says "IP" "${in_demo[@]}" get pods -o wide
check "list objects of all kinds" says "deployment.apps/worker" "${in_demo[@]}" get all
check "list as JSON path" says "worker" "${in_demo[@]}" get deployment worker -o "jsonpath={.metadata.name}"
check "describe a Deployment" says "worker" "${in_demo[@]}" describe deployment worker
check "describe an HPA" says "Reference" "${in_demo[@]}" describe hpa worker-scaler
check "print the logs of a Deployment" "${in_demo[@]}" logs deployment/worker --tail=3
check "wait for a rollout" "${in_demo[@]}" rollout status deployment/worker --timeout=60s
check "wait for a condition" "${in_demo[@]}" wait --for=condition=Available deployment/worker --timeout=60s
check "read the scale" says '"replicas"' "$kubectl" get --raw "/apis/apps/v1/namespaces/$demo/deployments/worker/scale"
# kubectl before 1.24 has no such flag.
if "$kubectl" get --help 2>&1 | grep -q -- --subresource; then
  check "read the scale as a table" says "DESIRED" "${in_demo[@]}" get deployment worker --subresource=scale
fi
check "ask for permissions" says "yes" "$kubectl" auth can-i list pods --namespace "$demo"

cat >"$folder/one.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: clients}}
data: {key: first}
YAML
sed 's/first/second/' "$folder/one.yaml" >"$folder/two.yaml"
check "apply" says "created" "${in_own[@]}" apply -f "$folder/one.yaml"
check "apply without a change" says "unchanged" "${in_own[@]}" apply -f "$folder/one.yaml"
check "show a difference" differs
check "apply on the server" "${in_own[@]}" apply --server-side --force-conflicts -f "$folder/two.yaml"
check "read the value that was applied" says second "${in_own[@]}" get configmap one -o "jsonpath={.data.key}"
check "patch by JSON" "${in_own[@]}" patch configmap one --type=json -p '[{"op":"add","path":"/data/more","value":"1"}]'
check "patch by merge" "${in_own[@]}" patch configmap one --type=merge -p '{"data":{"more":null}}'
check "label and annotate" "${in_own[@]}" label configmap one extra=1
sed 's/name: one/name: three/' "$folder/one.yaml" >"$folder/three.yaml"
# kubectl before 1.25 asks for kinds that newer servers do not have.
minor=$("$kubectl" version --client --output json | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p')
[ "$minor" -lt 25 ] || check "apply and prune" prune
check "explain a field" says "configuration data" "$kubectl" explain configmap.data
check "explain an HPA's maximum" says "upper limit" "$kubectl" explain hpa.spec.maxReplicas --api-version=autoscaling/v2
sed 's/^data:/dat:/' "$folder/one.yaml" >"$folder/bad.yaml"
check "refuse an unknown field" refuses 'unknown' "${in_own[@]}" apply --validate=true -f "$folder/bad.yaml"

cat >"$folder/unknown.yaml" <<'YAML'
apiVersion: clients.example/v1
kind: Gadget
metadata: {name: none}
YAML
check "refuse an unknown kind" refuses 'no matches for kind "Gadget"' "${in_own[@]}" apply -f "$folder/unknown.yaml"
check "report a missing object" refuses "NotFound" "${in_own[@]}" get configmap missing
check "refuse exec or run it, and not hang" ends "${in_demo[@]}" exec deployment/worker -- /missing

check "watch until a change" watched
check "forward a port to a Service" forwarded service/producer 3000
check "forward a port to a Deployment" forwarded deployment/producer 3000
check "forward several connections at once" forwarded service/producer 3000 5
check "dump the cluster" "$kubectl" cluster-info dump --namespaces "$made" --output-directory "$folder/dump"
check "delete by label" "${in_own[@]}" delete configmap -l set=clients
check "delete a namespace and wait" "$kubectl" delete namespace "$made" --timeout=60s
finish
