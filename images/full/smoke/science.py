"""The libraries of sciences that Debian brings load and work."""

import aiohttp
import black
import cloudpickle
import fastapi
import geopandas
import icalendar
import jieba
import netCDF4  # noqa: F401
import numba
import pandas as pd
import pikepdf
import rasterio  # noqa: F401
import soundfile
import weasyprint
from Bio.Seq import Seq
from flask import Flask
from geopy.distance import geodesic
from rdkit import Chem
from shapely.geometry import Point

places = geopandas.GeoDataFrame({'n': ['Oslo']}, geometry=[Point(10.75, 59.91)], crs='EPSG:4326')
places.to_file('places.shp')
assert round(geopandas.read_file('places.shp').to_crs(3857).geometry.iloc[0].x) == 1196685
assert round(geodesic((52.517, 13.389), (48.857, 2.352)).km) == 879
assert Chem.MolFromSmiles('CCO').GetNumAtoms() == 3
assert str(Seq('ATGGCC').translate()) == 'MA'
assert numba.njit(lambda n: n * 2)(21) == 42
pd.DataFrame({'a': [1]}).to_hdf('a.h5', key='k')
assert pd.read_hdf('a.h5').a[0] == 1
weasyprint.HTML(string='<h1>Hi</h1>').write_pdf('h.pdf')
assert len(pikepdf.open('h.pdf').pages) == 1
assert list(jieba.cut('我来到北京清华大学')) == ['我', '来到', '北京', '清华大学']
soundfile.write('a.flac', [0.0] * 100, 22050)
assert Flask('x').test_client().get('/').status_code == 404
assert black.format_str('x=1', mode=black.Mode()) == 'x = 1\n'
assert aiohttp.ClientSession and cloudpickle.dumps(1) and fastapi.FastAPI and icalendar.Calendar
