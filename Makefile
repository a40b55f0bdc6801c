# Everything for working on Tetras-back. Each target does its own set-up and needs root, since it
# deals with real disks, a real udev and a real polkit: sudo make demo, sudo make check.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# No litter of root's in the tree but .venv, which also holds the tools' caches.
export PYTHONDONTWRITEBYTECODE := 1
export RUFF_CACHE_DIR := .venv/.ruff_cache
export MYPY_CACHE_DIR := .venv/.mypy_cache
export HYPOTHESIS_STORAGE_DIRECTORY := .venv/.hypothesis

include install.mk
include po/rules.mk

PYTEST := .venv/bin/python -m pytest -o cache_dir=.venv/.pytest_cache

# All tests share one kernel, one udevd and the machine's two cores. What fails is run again with
# nothing beside it; only what fails then as well is a failure, and the other is named.
run_tests = $(PYTEST) $(1) || { [[ $$? -eq 1 ]] && echo && \
	echo 'Those that failed are run again, alone: what passes now was disturbed, see above.' && \
	$(PYTEST) --last-failed --maxfail 1 $(TESTS); }

SHELL_FILES = $(wildcard tetrasback/scripts/*.sh tetrasback/ctl/completion/*.bash tests/*.sh tests/vm/*.sh packaging/*.sh) .ci/run debian/tests/backup \
	$(wildcard debian/*.postinst debian/*.postrm debian/*.prerm debian/*.preinst debian/needrestart/*)

# A translated page calls the section NAME by another name, as is right.
FRENCH_NAME = -e 'first section is not "NAME"' -e 'description line outside NAME section'

.PHONY: help demo setup check lint test check-vm check-web vm bench screenshots deb install uninstall catalogues po clean

help:
	@echo 'sudo make demo    a real backup onto a loop disk, on a private bus; KEEP=1 keeps the bus,'
	@echo '                  WEB=1 serves the page for Cockpit'
	@echo 'sudo make check   linters and every test; TESTS=tests/unit runs some of them'
	@echo 'sudo make check-vm the package in a booted Debian; TESTS=tests/vm/test_plug.py runs some of it'
	@echo 'sudo make check-web the page for Cockpit: its types, its style, and it in a browser'
	@echo 'sudo make vm      that Debian, to look around in'
	@echo 'sudo make bench   the measurements in bench/'
	@echo 'sudo make deb     the Debian packages, in dist/'
	@echo 'sudo make install builds and installs the Debian package; with DESTDIR= or PREFIX= only'
	@echo '                  places the files, as make uninstall takes them away again'
	@echo 'sudo make screenshots  the pictures in docs/, made anew'
	@echo 'sudo make setup   only installs what check needs'
	@echo 'make catalogues   the translations, into LOCALE_DIR ($(LOCALE_DIR))'
	@echo 'make po           what is to be translated, into po/*.po'
	@echo 'sudo make clean   removes .venv, dist and caches'

demo:
	@tests/setup.sh $(if $(WEB),demo-web,demo)
	@$(MAKE) --no-print-directory --silent catalogues
	@exec /usr/bin/python3 -m tests.demo

setup:
	@tests/setup.sh check

check: setup
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

lint:
	.venv/bin/ruff check .
	.venv/bin/mypy
	shellcheck $(SHELL_FILES)
	xmllint --nonet --noout dbus/*.xml dbus/*.conf polkit/*.policy
	desktop-file-validate systemd/user/*.desktop
	mandoc -T lint -W warning man/*.[1-8]
	! mandoc -T lint -W warning man/*/*.[1-8] | grep -v $(FRENCH_NAME)

test: TESTS ?= tests
test: catalogues
	@$(call run_tests,--numprocesses 2 --dist loadscope $(TESTS))

check-vm: TESTS ?= tests/vm
check-vm: deb
	@tests/setup.sh vm
	@$(call run_tests,$(if $(KEEP),,--numprocesses 2 --dist loadscope) $(if $(ALL),,-m 'not thorough') --durations=0 $(TESTS))

JS_TOOLS := ../.venv/web/node_modules/.bin

check-web: TESTS ?= tests/web
check-web:
	@tests/setup.sh web
	@$(MAKE) --no-print-directory lint-web
	@$(call run_tests,$(TESTS))

.PHONY: lint-web
lint-web: export PATH := $(CURDIR)/.venv/bin:$(PATH)
lint-web: catalogues
	cd cockpit && $(JS_TOOLS)/biome check --error-on-warnings
	cd cockpit && $(JS_TOOLS)/tsc --project jsconfig.json
	appstreamcli validate --no-net --explain cockpit/*.metainfo.xml

vm: deb
	@tests/setup.sh vm
	@.venv/bin/python -m tests.vm

bench:
	@tests/setup.sh bench
	.venv/bin/python -m bench
	.venv/bin/python -m bench.snapshots

screenshots:
	@tests/setup.sh screenshots
	@.venv/bin/python -m tests.screenshots

deb:
	@tests/setup.sh deb
	@packaging/build-deb.sh $(VERSION)

# On Debian the package is what is installed, so that apt knows of every file; who says where files
# go, or has another system, gets them placed.
AS_PACKAGE := $(if $(DESTDIR)$(filter-out undefined file,$(origin PREFIX)),,$(wildcard /etc/debian_version))

install: $(if $(AS_PACKAGE),deb,install-files)
ifneq ($(AS_PACKAGE),)
	@packaging/install-deb.sh
endif

uninstall: $(if $(AS_PACKAGE),,uninstall-files)
ifneq ($(AS_PACKAGE),)
	apt-get remove -y tetras-back
endif

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	rm -rf tetrasback/locale po/tetras-back.pot
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
