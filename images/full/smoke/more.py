"""The larger half of what Debian brings to Python loads and works."""

import gettext

import altair
import babel.numbers
import fitz
import graphviz
import h5py
import httpx
import numpy as np
import plotly.express as px
import psutil
import pycountry
import pydantic
import rich
import sqlalchemy
import xarray
from wordcloud import WordCloud

engine = sqlalchemy.create_engine('sqlite://')
with engine.connect() as connection:
    assert connection.execute(sqlalchemy.text('select 6 * 7')).scalar() == 42
document = fitz.open()
document.new_page().insert_text((72, 72), 'hello')
document.save('page.pdf')
assert 'hello' in fitz.open('page.pdf')[0].get_text()
assert 'plotly' in px.line(x=[1, 2], y=[3, 4]).to_html()
assert graphviz.Source('digraph { a -> b }').pipe(format='svg').startswith(b'<?xml')
with h5py.File('data.h5', 'w') as file:
    file['x'] = np.arange(3)
assert int(xarray.DataArray([1, 2, 3]).sum()) == 6
assert babel.numbers.format_currency(1.5, 'EUR', locale='de_DE').startswith('1,50')
assert altair.__version__ and httpx.__version__ and psutil.cpu_count() and pydantic.BaseModel and rich.__name__
# In any script: the font that Debian names for it is not in the image.
cloud = WordCloud(width=200, height=100).generate('data data 数据 数据 данные science')
assert {'data', '数据'} <= set(cloud.words_)
cloud.to_file('cloud.png')
german = gettext.translation('iso3166-1', pycountry.LOCALES_DIR, languages=['de'])
assert german.gettext('Germany') == 'Deutschland'
