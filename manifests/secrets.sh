#!/bin/sh
# Generated from charts/ by `cargo xtask manifests`: change the chart, not this file.
#
# sh manifests/secrets.sh | kubectl create -f -
#
# prints the demo's namespace and its two Secrets, with a random password or with $PASSWORD. `kubectl create` refuses objects
# that already exist, so a second run changes nothing.
set -eu
password=${PASSWORD:-$(LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24)}
case $password in
*[!A-Za-z0-9._-]* | '')
	echo "the password may contain only letters, digits, and . _ - (the script does not escape it)" >&2
	exit 1
	;;
esac
cat <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: autoscaling-demo
  labels:
    app.kubernetes.io/part-of: autoscaling-demo
    app.kubernetes.io/version: "0.1.0"
    app.kubernetes.io/managed-by: kustomize
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/audit: restricted
    pod-security.kubernetes.io/warn: restricted
  annotations:
    # The namespace may contain other objects, and it contains Helm's release records.
    helm.sh/resource-policy: keep
---
apiVersion: v1
kind: Secret
metadata:
  name: rabbitmq
  namespace: autoscaling-demo
  labels:
    app.kubernetes.io/name: rabbitmq
    app.kubernetes.io/component: broker
    app.kubernetes.io/part-of: autoscaling-demo
    app.kubernetes.io/version: "0.1.0"
    app.kubernetes.io/managed-by: kustomize
type: Opaque
stringData:
  username: "surge"
  password: "$password"
---
# A broker that loads definitions creates no default user, so the definitions contain one.
apiVersion: v1
kind: Secret
metadata:
  name: rabbitmq-definitions
  namespace: autoscaling-demo
  labels:
    app.kubernetes.io/name: rabbitmq
    app.kubernetes.io/component: broker
    app.kubernetes.io/part-of: autoscaling-demo
    app.kubernetes.io/version: "0.1.0"
    app.kubernetes.io/managed-by: kustomize
type: Opaque
stringData:
  definitions.json: |
    {
      "vhosts": [{"name": "/"}],
      "users": [{"name": "surge", "password": "$password", "tags": "monitoring"}],
      "permissions": [
        {"user": "surge", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
      ],
      "queues": [
        {
          "name": "Orders",
          "vhost": "/",
          "durable": true,
          "auto_delete": false,
          "arguments": {
            "x-queue-type": "classic",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "Orders.dead"
          }
        },
        {
          "name": "Orders.dead",
          "vhost": "/",
          "durable": true,
          "auto_delete": false,
          "arguments": {"x-queue-type": "classic"}
        }
      ]
    }
YAML
