"""What PyPI brings loads beside Debian's, and works offline on a read-only root."""

import camelot
import cvxpy as cp
import docx2txt
import hdbscan  # noqa: F401
import lightgbm  # noqa: F401
import mammoth
import matplotlib
import moviepy  # noqa: F401
import numpy as np
import pandas as pd
import pdf2image
import pillow_heif
import plotly.express as px
import pytesseract  # noqa: F401
import shap  # noqa: F401
import umap  # noqa: F401
import xgboost
from Crypto.Cipher import AES
from docx import Document
from lifelines import KaplanMeierFitter
from ortools.sat.python import cp_model
from PIL import Image
from plotnine import aes, geom_point, ggplot
from prophet import Prophet
from PyPDF2 import PdfReader
from reportlab.platypus import SimpleDocTemplate, Table

matplotlib.use('Agg')
import altair as alt
import librosa
import matplotlib.pyplot as plt

rule = [('GRID', (0, 0), (-1, -1), 1, 'black')]
SimpleDocTemplate('t.pdf').build([Table([['a', 'b'], ['1', '2']], style=rule)])
assert camelot.read_pdf('t.pdf')[0].df.to_numpy().tolist() == [['a', 'b'], ['1', '2']]
assert len(PdfReader('t.pdf').pages) == len(pdf2image.convert_from_path('t.pdf', dpi=20)) == 1
document = Document()
document.add_paragraph('hello')
document.save('a.docx')
with open('a.docx', 'rb') as file:
    assert docx2txt.process('a.docx').strip() == 'hello' and 'hello' in mammoth.convert_to_html(file).value
pillow_heif.register_heif_opener()
Image.new('RGB', (64, 32), 'blue').save('a.heic')
assert Image.open('a.heic').size == (64, 32)
table = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})
table.to_excel('c.xlsx', index=False)
assert pd.read_excel('c.xlsx', engine='calamine').equals(table)
px.bar(table, x='a', y='b').write_image('bar.png')
alt.Chart(table).mark_bar().encode(x='a', y='b').save('chart.png')
(ggplot(table, aes('a', 'b')) + geom_point()).save('p.png', verbose=False)
for name in ('bar.png', 'chart.png', 'p.png'):
    assert Image.open(name).size[0] > 50
assert xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(table, [0, 1]) is not None
x = cp.Variable()
assert abs(cp.Problem(cp.Minimize(x**2), [x >= 1]).solve() - 1) < 1e-4
model = cp_model.CpModel()
whole = model.new_int_var(0, 9, 'x')
model.add(whole * 2 == 8)
solver = cp_model.CpSolver()
solver.solve(model)
assert solver.value(whole) == 4
assert KaplanMeierFitter().fit([1, 2, 3], [1, 0, 1]).median_survival_time_ == 3
days = pd.DataFrame({'ds': pd.date_range('2023-01-01', periods=60), 'y': range(60)})
assert len(Prophet().fit(days).make_future_dataframe(5)) == 65
assert round(librosa.get_duration(y=np.zeros(22050, 'float32'), sr=22050), 1) == 1.0
assert len(AES.new(b'k' * 16, AES.MODE_ECB).encrypt(b'a' * 16)) == 16
plt.rcParams['text.usetex'] = True
plt.title(r'$\int_0^1 x\,dx = \frac12$')
plt.savefig('tex.png')
