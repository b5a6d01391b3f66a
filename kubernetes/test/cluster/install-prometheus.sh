#!/bin/sh
# Installs the Prometheus operator and a Prometheus in the namespace "monitoring" of the current context.
set -eu
VERSION=v0.85.0
kubectl apply --server-side \
  -f "https://github.com/prometheus-operator/prometheus-operator/releases/download/$VERSION/bundle.yaml"
kubectl rollout status deployment/prometheus-operator --timeout=180s
kubectl apply --server-side -f "$(dirname -- "$0")/prometheus.yaml"
kubectl -n monitoring wait --for=create pod/prometheus-main-0 --timeout=60s
kubectl -n monitoring wait --for=condition=Ready pod/prometheus-main-0 --timeout=240s
