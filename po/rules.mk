# Translations: catalogues are built beside the program, or where LOCALE_DIR says.
LOCALE_DIR ?= tetrasback/locale
CATALOGUES = $(patsubst po/%.po,$(LOCALE_DIR)/%/LC_MESSAGES/tetras-back.mo,$(wildcard po/*.po))
TRANSLATED = $(sort $(shell find tetrasback po -name '*.py'))

catalogues: $(CATALOGUES)

$(LOCALE_DIR)/%/LC_MESSAGES/tetras-back.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt --check --output-file=$@ $<

TEMPLATE = po/tetras-back.pot

po: $(TEMPLATE)
	@for file in po/*.po; do \
		msgmerge --quiet --update --backup=none --no-fuzzy-matching $$file $< && \
		msgattrib --no-obsolete --output-file=$$file $$file || exit; \
	done

$(TEMPLATE): $(TRANSLATED)
	@xgettext --language=Python --from-code=UTF-8 --add-comments=TRANSLATORS --add-location=file \
		--keyword --keyword=_ --keyword=N_ --keyword=NP_:1c,2 --keyword=ngettext:1,2 --keyword=pgettext:1c,2 \
		--package-name=tetras-back --output=$@ $^
