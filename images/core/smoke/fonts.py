"""Fonts are found by the names that programs write, and a text in any of the usual scripts has glyphs in a figure."""

import logging
import warnings

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from PIL import ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

warnings.simplefilter('error')
words = []
logging.getLogger('matplotlib.font_manager').addHandler(type('Told', (logging.Handler,), {'emit': lambda _, it: words.append(it)})())

plt.title('Ω Привет 北京 東京 서울 مرحبا שלום नमस्ते สวัสดี 📈')
plt.savefig('scripts.png')
plt.savefig('scripts.pdf')
plt.savefig('scripts.svg')
for family in ('Arial', 'Helvetica', 'Times New Roman', 'Courier New', 'Calibri', 'SimHei', 'Microsoft YaHei', 'Noto Emoji'):
    plt.rcParams['font.family'] = family
    plt.figure()
    plt.title('a 北')
    plt.savefig('family.png')
assert not words, words
for file in ('arial.ttf', 'Arial.ttf', 'calibri.ttf', 'times.ttf', 'simhei.ttf', 'msyh.ttc', 'DejaVuSans.ttf'):
    assert ImageFont.truetype(file, 20).getname()[0]
for file in ('arial.ttf', 'calibri.ttf', 'simhei.ttf', 'DejaVuSans-Oblique.ttf'):
    pdfmetrics.registerFont(TTFont(file, file))
