"""The data stack loads and agrees with itself, offline, on a read-only root."""

import warnings
import zoneinfo

import bs4
import jinja2
import lxml.etree
import networkx
import numpy as np
import pandas as pd
import requests
import scipy.optimize
import sklearn.cluster
import sklearn.linear_model
import statsmodels.api as sm
import sympy
import tabulate
import yaml

frame = pd.DataFrame({'x': np.arange(10.0), 'y': 2 * np.arange(10.0) + 1})
model = sklearn.linear_model.LinearRegression().fit(frame[['x']], frame['y'])
assert abs(model.coef_[0] - 2) < 1e-9
assert abs(sm.OLS(frame['y'], sm.add_constant(frame['x'])).fit().params['x'] - 2) < 1e-9
assert abs(scipy.optimize.brentq(lambda v: v * v - 2, 0, 2) - 2**0.5) < 1e-9
assert sympy.integrate(sympy.Symbol('x'), (sympy.Symbol('x'), 0, 2)) == 2
assert networkx.shortest_path(networkx.path_graph(4), 0, 3) == [0, 1, 2, 3]
assert frame.describe().loc['mean', 'y'] == 10
assert yaml.safe_load('a: [1, 2]') == {'a': [1, 2]}
assert jinja2.Template('{{ 1 + 1 }}').render() == '2'
assert bs4.BeautifulSoup('<p>hi</p>', 'lxml').p.text == 'hi'
assert lxml.etree.fromstring('<a><b/></a>')[0].tag == 'b'
assert requests.__version__ and tabulate.tabulate([[1]])
assert zoneinfo.ZoneInfo('US/Eastern').key == 'US/Eastern'
with warnings.catch_warnings():
    warnings.simplefilter('error')
    sklearn.cluster.KMeans(2, n_init=1).fit(frame)
