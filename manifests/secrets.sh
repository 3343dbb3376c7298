#!/bin/sh
# Made from charts/ by `cargo xtask manifests`: change the chart, not this file.
#
# sh manifests/secrets.sh | kubectl create -f -
#
# prints the demo's namespace and its two Secrets with a random password, or with $PASSWORD. `kubectl create` refuses what is
# there already, so a second time changes nothing.
set -eu
password=${PASSWORD:-$(LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24)}
case $password in
*[!A-Za-z0-9._-]* | '')
	echo "the password may have letters, digits and . _ - only: it goes into YAML and JSON as it is" >&2
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
    # Other things may live in it, the release's own records among them.
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
# A broker that loads definitions makes no default user, so the user is among them.
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
