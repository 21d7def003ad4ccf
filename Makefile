# Needs Python 3.11+ with venv and nothing else; `make install`, which the others call, puts the rest below this folder.
PORT ?= 8000
ENV ?= dev
PY := .venv/bin/python
UV := UV_PYTHON_DOWNLOADS=never UV_PYTHON=$(CURDIR)/$(PY) UV_DEFAULT_INDEX=https://pypi.org/simple .local/tools/uv/bin/uv
# the SAM CLI; the layers' makefiles find uv, and python3.12 where that is what .venv was made with
SAM := PATH="$(CURDIR)/.local/tools/uv/bin:$(CURDIR)/.venv/bin:$$PATH" SAM_CLI_TELEMETRY=0 .local/tools/sam/bin/python -m samcli

.DEFAULT_GOAL := help
.PHONY: help install run down test quality check api-docs screenshots format lock clean build deploy e2e-sam e2e-localstack up-docker down-docker

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 24

install: ## uv, the locked packages, the AWS emulator; at once when nothing has changed
	@sh local/bootstrap.sh

run: install ## serve the chat: FAQ=path chooses the file, PORT=8000 the port
	@exec $(PY) -m local up $(if $(FAQ),--faq "$(FAQ)") --port $(PORT)

down: install ## stop a chat that runs in another terminal
	@$(PY) -m local down

test: install ## all tests, on the sample FAQ
	$(PY) -m pytest

quality: install ## ingest FAQ=path and check retrieval and the scope gate on the question sets
	$(PY) -m pytest tests/quality --faq "$(FAQ)"

.local/tools/sam/bin/sam: local/sam/pyproject.toml local/sam/uv.lock | install
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/.local/tools/sam $(UV) sync --frozen --project local/sam
	@touch $@

build: .local/tools/sam/bin/sam ## what Lambda runs, and its template, into .aws-sam/build
	$(SAM) build

deploy: build ## build and deploy the environment ENV=dev of samconfig.toml
	@date '+Release: "%s"' >.aws-sam/release.yaml
	$(SAM) deploy --config-env $(ENV)

e2e-sam: build ## ask the built functions questions, in containers under SAM CLI; needs a Docker engine
	$(PY) -m pytest tests/e2e/test_sam_local.py --sam

e2e-localstack: up-docker ## the end-to-end suite of the deployed template against LocalStack; needs a Docker engine and its images
	AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=ap-northeast-2 \
		E2E_MILVUS_URI=http://milvus:19530 E2E_MILVUS_URI_HERE=http://127.0.0.1:19530 \
		E2E_EMBEDDING_BASE_URL=http://embeddings:8011/v1 $(PY) -m pytest tests/e2e/test_cloud.py

up-docker: ## Milvus, LocalStack with the functions and an embedding server, in containers
	@sh infra/compose.sh check
	@$(MAKE) build
	@sh infra/compose.sh up

down-docker: ## stop them; Milvus keeps its volume
	@sh infra/compose.sh down

check: install ## format, lint, types, unit and integration tests
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy
	$(PY) -m pytest tests/unit tests/integration

api-docs: install ## write docs/api.md from the code
	$(PY) -m local.api_document

screenshots: install ## write the pictures of docs/images, of the sample FAQ; needs chromium
	$(PY) -m local.screenshots

format: install ## format, and fix what lint can
	$(PY) -m ruff format
	$(PY) -m ruff check --fix

lock: install ## lock again after a change of pyproject.toml, and export the Lambda layer's requirements
	$(UV) lock
	$(UV) lock --project local/emulator
	$(UV) lock --project local/sam
	@mkdir -p layers/dependencies
	$(UV) export --frozen --package faqchat --no-dev --no-emit-workspace --no-header --quiet \
		--output-file layers/dependencies/requirements.txt
	$(UV) export --frozen --only-group local --prune httpx-sse --prune jinja2 --prune milvus-lite --prune psutil --prune rich --no-header --quiet \
		--output-file infra/embeddings/requirements.txt

clean: ## stop what runs, and delete packages, index and conversations
	@if [ -x $(PY) ]; then $(PY) -m local down; fi
	rm -rf .venv .local .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
