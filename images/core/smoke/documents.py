"""Files that people upload and ask for can be written and read again."""

import docx
import pandas as pd
import pypdf
import qrcode
from PIL import Image
from reportlab.pdfgen import canvas

frame = pd.DataFrame({'name': ['a', 'b'], 'n': [1, 2]})
for engine in ('openpyxl', 'xlsxwriter'):
    frame.to_excel(f'{engine}.xlsx', index=False, engine=engine)
    assert pd.read_excel(f'{engine}.xlsx').equals(frame)
frame.to_excel('table.ods', index=False, engine='odf')
assert pd.read_excel('table.ods', engine='odf').equals(frame)

document = docx.Document()
document.add_paragraph('hello')
document.save('letter.docx')
assert docx.Document('letter.docx').paragraphs[0].text == 'hello'

page = canvas.Canvas('page.pdf')
page.drawString(100, 700, 'hello')
page.save()
assert 'hello' in pypdf.PdfReader('page.pdf').pages[0].extract_text()

qrcode.make('hello').save('code.png')
assert Image.open('code.png').format == 'PNG'
