#!/usr/bin/env bash
# Put kustomize, kubeconform, and the schemas of the custom resources in deploy/kubernetes into .kubernetes. Needs Go and
# .venv. The schemas of Kubernetes itself come with the package kubernetes-validate.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v go >/dev/null; then
  echo "make test-kubernetes needs Go 1.24 or newer, which builds kustomize and kubeconform: https://go.dev/dl" >&2
  exit 1
fi

kubeconform=github.com/yannh/kubeconform@v0.7.0
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
trainer=github.com/kubeflow/trainer/v2@v2.0.0

mkdir -p .kubernetes/schemas
export GOBIN=$PWD/.kubernetes/bin
go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.0
go install "${kubeconform/@//cmd/kubeconform@}"
go mod download "$kubeconform" "$operator" "$trainer" # outside of a module: into Go's cache

modules=$(go env GOMODCACHE)
export FILENAME_FORMAT='{fullgroup}_{kind}_{version}'
cd .kubernetes/schemas
../../.venv/bin/python "$modules/$kubeconform/scripts/openapi2jsonschema.py" \
  "$modules/$operator"/example/prometheus-operator-crd/*.yaml \
  "$modules/$trainer"/manifests/base/crds/trainer.kubeflow.org_*.yaml >/dev/null
