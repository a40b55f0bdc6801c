# Translations: catalogues are built beside the program, or where LOCALE_DIR says; those of the web
# page, and the words that it shares with the other clients, in its own folder.
LOCALE_DIR ?= tetrasback/locale
CATALOGUES = $(patsubst po/%.po,$(LOCALE_DIR)/%/LC_MESSAGES/tetras-back.mo,$(wildcard po/*.po))
TRANSLATED = $(sort $(shell find tetrasback po -name '*.py'))
LANGUAGES = $(patsubst po/%.po,%,$(wildcard po/*.po))
WEB_SOURCES = cockpit/manifest.json $(sort $(filter-out cockpit/po.% cockpit/words.js,$(wildcard cockpit/*.js cockpit/views/*.js)))
WEB_BUILT = cockpit/words.js $(foreach l,$(LANGUAGES),cockpit/po.$(l).js cockpit/po.manifest.$(l).js)

# What is built elsewhere leaves the tree as it is.
catalogues: $(CATALOGUES) $(if $(filter tetrasback/locale,$(LOCALE_DIR)),$(WEB_BUILT))

$(LOCALE_DIR)/%/LC_MESSAGES/tetras-back.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt --check --output-file=$@ $<

WEB_MAKER = po/web.py $(addprefix tetrasback/lang/,words.py english.py units.py told.py) tetrasback/client/explain.py tetrasback/errors.py

cockpit/words.js: $(WEB_MAKER)
	@/usr/bin/python3 po/web.py words >$@.new && mv $@.new $@

cockpit/po.%.js: po/%.po $(WEB_MAKER)
	@/usr/bin/python3 po/web.py catalogue $* >$@.new && mv $@.new $@

cockpit/po.manifest.%.js: po/%.po $(WEB_MAKER)
	@/usr/bin/python3 po/web.py manifest $* >$@.new && mv $@.new $@

TEMPLATE = po/tetras-back.pot

po: $(TEMPLATE)
	@for file in po/*.po; do \
		msgmerge --quiet --update --backup=none --no-fuzzy-matching $$file $< && \
		msgattrib --no-obsolete --output-file=$$file $$file || exit; \
	done

$(TEMPLATE): $(TRANSLATED) $(WEB_SOURCES)
	@xgettext --language=Python --from-code=UTF-8 --add-comments=TRANSLATORS --add-location=file \
		--keyword --keyword=_ --keyword=N_ --keyword=NP_:1c,2 --keyword=ngettext:1,2 --keyword=pgettext:1c,2 \
		--package-name=tetras-back --output=$@ $(TRANSLATED)
	@printf '#: cockpit/manifest.json\nmsgid "Backups"\nmsgstr ""\n' | msgcat --use-first --output-file=$@ $@ -
	@xgettext --language=JavaScript --from-code=UTF-8 --add-comments=TRANSLATORS --add-location=file --join-existing \
		--keyword --keyword=_ --keyword=N_ --keyword=ngettext:1,2 --keyword=pgettext:1c,2 \
		--package-name=tetras-back --output=$@ $(filter %.js,$(WEB_SOURCES))
