"""What came from PyPI loads beside what came from Debian, and they hand each other their data."""

import cv2
import duckdb
import numpy as np
import pandas as pd
import pdfplumber
import polars
import pptx
import pyarrow.parquet
import skimage.filters
from docxtpl import DocxTemplate
from reportlab.pdfgen import canvas

frame = pd.DataFrame({'name': ['a', 'b', 'a'], 'n': [1, 2, 3]})
assert duckdb.sql('select name, sum(n) total from frame group by name order by name').df()['total'].tolist() == [4, 2]
frame.to_parquet('table.parquet')
assert pyarrow.parquet.read_table('table.parquet').num_rows == 3
assert polars.read_parquet('table.parquet').group_by('name').agg(polars.col('n').sum()).height == 2
assert polars.from_pandas(frame).to_pandas().equals(frame)

slides = pptx.Presentation()
slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = 'hello'
slides.save('slides.pptx')
assert pptx.Presentation('slides.pptx').slides[0].shapes.title.text == 'hello'
assert DocxTemplate is not None

page = canvas.Canvas('page.pdf')
page.drawString(100, 700, 'hello')
page.save()
with pdfplumber.open('page.pdf') as pdf:
    assert 'hello' in pdf.pages[0].extract_text()

image = np.zeros((64, 64), np.uint8)
cv2.circle(image, (32, 32), 10, 255, -1)
cv2.imwrite('circle.png', image)
assert cv2.imread('circle.png', cv2.IMREAD_GRAYSCALE).sum() == image.sum()
assert skimage.filters.gaussian(image).max() <= 1
