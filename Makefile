# Everything a fresh machine with Python 3.11+, git and make needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests start dozens of processes; each would compile the code anew.
unexport PYTHONDONTWRITEBYTECODE

PAGES := obdtrack/web/templates
STYLE := obdtrack/web/static/app.css
BEAUTIFY := $(BIN)/css-beautify --indent-size 2 --end-with-newline --disable-newline-between-rules

.PHONY: catalogues demo test lint format types bench pictures torture lock locked licences audit deptry package container pythons clean

demo: $(VENV)/.run
	@$(BIN)/python -m obdtrack demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djhtml --check --tabwidth 2 $(PAGES)
	$(BEAUTIFY) $(STYLE) | diff $(STYLE) -
	$(BIN)/lint-imports
	$(BIN)/deptry . --config .ci/deptry.toml

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/djhtml --tabwidth 2 $(PAGES) || true
	$(BEAUTIFY) --replace $(STYLE)

# The texts of pages, as they are now, for their translators; what has no translation yet is empty.
CATALOGUES := obdtrack/web/translations
TEXTS := $(VENV)/texts.pot

catalogues: $(VENV)/.test
	$(BIN)/pybabel --quiet extract --mapping pyproject.toml --keywords "N_ Said ObdtrackError:2 ValidationError" --add-location file \
		--sort-by-file --no-wrap --msgid-bugs-address "the issues of obdtrack" --output $(TEXTS) obdtrack
	$(BIN)/pybabel --quiet update --input-file $(TEXTS) --output-dir $(CATALOGUES) --no-wrap \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile --directory $(CATALOGUES)

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m bench ingest

pictures: $(VENV)/.test
	$(BIN)/python -m docs.pictures.make

torture: $(VENV)/.test
	$(BIN)/python -m tests.torture

# Packages: `make lock UPGRADE=--upgrade` takes the newest that requirements.txt allows.
lock: $(VENV)/.test
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 $(UPGRADE) \
		--custom-compile-command "make lock" requirements.txt --output-file requirements.lock

locked:
	$(PYTHON) -m venv --clear $(VENV)/locked
	$(VENV)/locked/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements.lock
	$(VENV)/locked/bin/python -c "import obdtrack.application"

package: $(VENV)/.test
	$(BIN)/python .ci/package.py

container: $(VENV)/.run
	$(BIN)/python deploy/without_engine.py

pythons:
	.ci/pythons

licences: $(VENV)/.test
	@$(BIN)/pip-licenses --order=license --packages \
		$$(sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' requirements.lock)

audit: $(VENV)/.test
	$(BIN)/python .ci/audit.py

deptry: $(VENV)/.test
	$(BIN)/deptry . --config .ci/deptry.toml

clean:
	rm -rf $(VENV) var dist

$(VENV)/.run: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the application needs (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-dev.txt
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@! command -v npm >/dev/null || npm install --silent --no-audit --no-fund \
		--prefix $(VENV)/node standardwebhooks@1.1.1 || true
	@touch $@
