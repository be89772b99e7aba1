#!/usr/bin/env bash
# The job as a workflow runs it: run.sh MODEL [OPTION]...; its exit code is that of stabcert.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec stabcert certify-soft --config sample_inputs/ci/stabcert.toml --model "$1" --format github "${@:2}"
