#!/bin/bash
# LocalStack runs this when it is ready, at every start: it keeps nothing over a restart. Deploys what `make build` has built, with
# the AWS CLI of the image; the container is healthy when this has succeeded.
set -euo pipefail

BUILT=${BUILT:-/opt/faqchat/build/template.yaml}
STACK=${STACK:-faqchat}
ARTIFACTS=${ARTIFACTS:-$STACK-artifacts}
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-ap-northeast-2}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test} # any are accepted

if [[ ! -f $BUILT ]]; then
    echo "nothing to deploy: run 'make build' first, then 'make up-docker' again" >&2
    exit 1
fi

aws s3 ls "s3://$ARTIFACTS" >/dev/null 2>&1 || aws s3 mb "s3://$ARTIFACTS"
# its account of 57 MB going up is shown only when that fails
aws cloudformation package --template-file "$BUILT" --s3-bucket "$ARTIFACTS" --output-template-file /tmp/packaged.yaml \
    >/tmp/package.log 2>&1 || { tail -c 1000 /tmp/package.log >&2; exit 1; }
aws cloudformation deploy --template-file /tmp/packaged.yaml --s3-bucket "$ARTIFACTS" --stack-name "$STACK" \
    --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND \
    --no-fail-on-empty-changeset --parameter-overrides \
    "Release=$(date +%s)" \
    AdapterLayerArn= \
    AuthType=NONE \
    "MilvusUri=$MILVUS_URI" \
    "EmbeddingBaseUrl=$EMBEDDING_BASE_URL" \
    EmbeddingQueryModel=e5-query \
    EmbeddingPassageModel=e5-passage \
    EmbedConcurrency=0
aws cloudformation describe-stacks --stack-name "$STACK" --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text \
    | tee /tmp/outputs
