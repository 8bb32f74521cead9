"""Dates and numbers are written as a country does."""

import datetime
import locale

locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')
assert datetime.date(2024, 3, 1).strftime('%A, %d. %B') == 'Freitag, 01. März'
assert locale.format_string('%.2f', 1234567.891, grouping=True) == '1.234.567,89'
for name in ('en_US.UTF-8', 'fr_FR.UTF-8', 'ja_JP.UTF-8', 'pt_BR.UTF-8', 'C.UTF-8'):
    locale.setlocale(locale.LC_ALL, name)
