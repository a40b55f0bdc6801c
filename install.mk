# What is installed where: one list, which install, uninstall and debian/rules go by.
#
#   make install DESTDIR=/tmp/x [PREFIX=/usr]     for a package of another distribution
#
# Files that udev, polkit, the bus and systemd look for lie where they look, whatever PREFIX is.

PREFIX ?= /usr
PYTHON ?= /usr/bin/python3
LIBDIR ?= $(PREFIX)/lib/tetras-back
DATADIR ?= $(PREFIX)/share/tetras-back
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/vendor-completions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR ?= /usr/lib/systemd/system
USERUNITDIR ?= /usr/lib/systemd/user
AUTOSTARTDIR ?= /etc/xdg/autostart
UDEVDIR ?= /usr/lib/udev/rules.d
DBUSDIR ?= /usr/share/dbus-1
POLKITDIR ?= /usr/share/polkit-1
COCKPITDIR ?= $(PREFIX)/share/cockpit/tetras-back
METAINFODIR ?= /usr/share/metainfo
# Where Python's gettext looks; below another PREFIX it would not, but beside the program it does.
LOCALEDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/share/locale,$(LIBDIR)/tetrasback/locale)

# Programs stand in pyproject.toml, as NAME=MODULE:FUNCTION; some are nobody's to type.
PROGRAMS := $(shell sed -n '/^\[project.scripts\]/,/^$$/s/^\([a-z-]*\) = "\(.*\)"/\1=\2/p' pyproject.toml)
SBIN := tetras-backd tetras-back-relay tetras-back-snapshot
program_dir = $(PREFIX)/$(if $(filter $(1),$(SBIN)),sbin,bin)
program_name = $(firstword $(subst =, ,$(1)))

MODULES := $(sort $(shell find tetrasback -name '*.py' -not -path 'tetrasback/scripts/*'))
UNITS := $(wildcard systemd/*.service)
USER_UNITS := $(wildcard systemd/user/*.service)

# The web page as Cockpit serves it; the rest of its folder is for working on it.
PAGE := $(sort cockpit/words.js $(foreach f,$(wildcard po/*.po),cockpit/po.$(notdir $(f:.po=.js)) cockpit/po.manifest.$(notdir $(f:.po=.js))) \
	$(wildcard cockpit/manifest.json cockpit/*.html cockpit/*.css cockpit/*.js cockpit/views/*.js))

# MODE:SOURCE:TARGET
FILES = \
	$(foreach p,$(PROGRAMS),755:build/$(call program_name,$(p)):$(call program_dir,$(call program_name,$(p)))/$(call program_name,$(p))) \
	$(foreach f,$(MODULES),644:$(f):$(LIBDIR)/$(f)) \
	$(foreach f,$(wildcard tetrasback/scripts/backup_*.sh),755:$(f):$(LIBDIR)/scripts/$(notdir $(f))) \
	$(foreach f,$(wildcard tetrasback/scripts/lib*.sh),644:$(f):$(LIBDIR)/scripts/$(notdir $(f))) \
	$(foreach f,$(wildcard tetrasback/locale/*/LC_MESSAGES/*.mo),644:$(f):$(LOCALEDIR)/$(f:tetrasback/locale/%=%)) \
	$(foreach f,$(wildcard man/*.[1-8] man/??/*.[1-8]),644:$(f):$(MANDIR)/$(patsubst man/%,%,$(dir $(f)))man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
	$(foreach f,$(PAGE),644:$(f):$(COCKPITDIR)/$(f:cockpit/%=%)) \
	$(foreach f,$(wildcard cockpit/*.metainfo.xml),644:$(f):$(METAINFODIR)/$(notdir $(f))) \
	644:packaging/configuration.toml:$(DATADIR)/configuration.toml \
	$(foreach f,$(wildcard docs/*.schema.json),644:$(f):$(DATADIR)/$(notdir $(f))) \
	$(foreach f,$(wildcard tetrasback/ctl/completion/*.bash),644:$(f):$(BASHDIR)/$(notdir $(f:.bash=))) \
	$(foreach f,$(wildcard tetrasback/ctl/completion/_*),644:$(f):$(ZSHDIR)/$(notdir $(f))) \
	$(foreach f,$(wildcard tetrasback/ctl/completion/*.fish),644:$(f):$(FISHDIR)/$(notdir $(f))) \
	$(foreach f,$(wildcard dbus/*.conf),644:$(f):$(DBUSDIR)/system.d/$(notdir $(f))) \
	$(foreach f,$(wildcard dbus/*.service),644:$(f):$(DBUSDIR)/system-services/$(notdir $(f))) \
	$(foreach f,$(wildcard dbus/*.xml),644:$(f):$(DBUSDIR)/interfaces/$(notdir $(f))) \
	$(foreach f,$(wildcard polkit/*.policy),644:$(f):$(POLKITDIR)/actions/$(notdir $(f))) \
	$(foreach f,$(wildcard polkit/*.rules),644:$(f):$(POLKITDIR)/rules.d/$(notdir $(f))) \
	$(foreach f,$(wildcard udev/*.rules),644:$(f):$(UDEVDIR)/$(notdir $(f))) \
	$(foreach f,$(UNITS),644:$(f):$(UNITDIR)/$(notdir $(f))) \
	$(foreach f,$(USER_UNITS),644:$(f):$(USERUNITDIR)/$(notdir $(f))) \
	$(foreach f,$(wildcard systemd/user/*.desktop),644:$(f):$(AUTOSTARTDIR)/$(notdir $(f))) \
	$(foreach f,$(wildcard systemd/*.sysusers),644:$(f):/usr/lib/sysusers.d/$(notdir $(f:.sysusers=.conf))) \
	$(foreach f,$(wildcard systemd/*.tmpfiles),644:$(f):/usr/lib/tmpfiles.d/$(notdir $(f:.tmpfiles=.conf)))

# What stands in texts for the places above: only another PREFIX changes it.
RELOCATE = sed -i -E 's,(^|[^[:alnum:]_/])/usr/(s?bin/tetras-back|lib/tetras-back|share/tetras-back),\1$(PREFIX)/\2,g'

.PHONY: build install-files uninstall-files list-files

# Catalogues and the small programs that import the real ones.
build: $(if $(wildcard po/*.po),catalogues)
	@mkdir -p build
	@for program in $(PROGRAMS); do \
		name=$${program%%=*}; what=$${program#*=}; \
		sed -e 's,@PYTHON@,$(PYTHON),; s,@LIBDIR@,$(LIBDIR),' -e "s,@NAME@,$$name," \
			-e "s,@MODULE@,$${what%%:*},; s,@FUNCTION@,$${what##*:}," \
			packaging/launcher.in >build/$$name; \
	done

install-files: build
	@$(MAKE) --no-print-directory place-files

.PHONY: place-files
place-files:
	@for item in $(FILES); do \
		IFS=: read -r mode source target <<<"$$item"; \
		install -D -m "$$mode" "$$source" "$(DESTDIR)$$target" || exit; \
		$(if $(filter /usr,$(PREFIX)),,$(RELOCATE) "$(DESTDIR)$$target";) \
	done

# The page alone, for a Cockpit that tests or the demo run: PAGEDIR=DIR.
.PHONY: place-page
place-page: catalogues
	@for file in $(PAGE:cockpit/%=%); do install -D -m 644 "cockpit/$$file" "$(PAGEDIR)/$$file" || exit; done

list-files: build
	@$(MAKE) --no-print-directory print-files

.PHONY: print-files
print-files:
	@for item in $(FILES); do echo "$${item##*:}"; done

uninstall-files: build
	@$(MAKE) --no-print-directory remove-files

.PHONY: remove-files
remove-files:
	@for item in $(FILES); do rm -f "$(DESTDIR)$${item##*:}"; done
	@rm -rf "$(DESTDIR)$(LIBDIR)/tetrasback"
	@rmdir "$(DESTDIR)$(LIBDIR)/scripts" "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(DATADIR)" 2>/dev/null || :
