import { expect, it } from 'vitest';
import { nativeClient } from '../../support/native.ts';
import type { Face } from '../pages.ts';

/** One file of each way to be shown, and one that tries to run. */
const program = `
import docx, matplotlib.pyplot as plt, pandas as pd, zipfile
from docx.oxml.ns import qn
from docx.oxml.shared import OxmlElement
from reportlab.pdfgen import canvas
with pd.ExcelWriter('book.xlsx') as writer:
    pd.DataFrame({'region': ['North', '<script>parent.postMessage({t:"pwned"},"*")</script>'], 'amount': [10, 20]}).to_excel(writer, sheet_name='Sales', index=False)
    pd.DataFrame({'n': range(450)}).to_excel(writer, sheet_name='Long', index=False)
document = docx.Document()
document.add_heading('Growth', 1)
document.add_paragraph('It grew. <img src=x onerror=alert(1)>')
link = OxmlElement('w:hyperlink')
to = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink'
link.set(qn('r:id'), document.part.relate_to('javascript:parent.postMessage({t:"pwned"},"*")', to, is_external=True))
link.append(document.add_paragraph().add_run('a link')._r)
document.paragraphs[1]._p.append(link)
document.save('report.docx')
pdf = canvas.Canvas('paper.pdf', pagesize=(400, 300))
for number in (1, 2):
    pdf.drawString(50, 200, f'Page {number}')
    pdf.showPage()
pdf.save()
zipfile.ZipFile('bundle.zip', 'w').writestr('inside.txt', 'x')
open('broken.docx', 'wb').write(b'PK' + bytes(100))
`;

const marks = `window.pwned = []; addEventListener('message', (event) => { if (event.data?.t === 'pwned') window.pwned.push(event.data) });`;

export function fileScenes(face: () => Face): void {
  it('files that a browser does not read are shown by the service: sheets, pages, documents, listings', async () => {
    const { server } = face();
    const api = nativeClient(server);
    const session = await api.session();
    expect(await api.cell(session, program)).toMatchObject({ outcome: 'completed', error: null });
    const { page, context, foreign, faults } = await face().open(`files/${session}/book.xlsx`);
    await page.evaluate(marks);
    const shown = page.frameLocator('iframe[title="Preview of the file"]');
    await shown.getByRole('cell', { name: 'North' }).waitFor();
    await shown.getByText('<script>parent').waitFor();
    await page.getByText('2 columns').click();
    await page.getByRole('listitem').getByText('amount').waitFor();
    await page.getByLabel('Sheet').selectOption({ label: 'Long' });
    await page.getByText('Rows 1 to 200 of 450').waitFor();
    await page.getByRole('button', { name: 'Rows after' }).click();
    await page.getByText('Rows 201 to 400 of 450').waitFor();
    await shown.getByRole('cell', { name: '399', exact: true }).waitFor();

    await page.goto(`${server.url}/ui/files/${session}/report.docx`);
    await page.evaluate(marks);
    await shown.getByRole('heading', { name: 'Growth' }).waitFor();
    await shown.getByText('<img src=x').waitFor();
    await shown.getByText('a link').click();
    expect(await page.evaluate('window.pwned')).toEqual([]);

    await page.goto(`${server.url}/ui/files/${session}/paper.pdf`);
    await page.getByRole('img', { name: 'paper.pdf, page 1' }).waitFor();
    await page.getByRole('button', { name: 'Page after' }).click();
    await page.getByRole('img', { name: 'paper.pdf, page 2' }).waitFor();
    await page.getByRole('button', { name: 'Show its text' }).click();
    await shown.getByText('Page 2', { exact: true }).last().waitFor();

    await page.goto(`${server.url}/ui/files/${session}/bundle.zip`);
    await shown.getByText('inside.txt').waitFor();
    await page.goto(`${server.url}/ui/files/${session}/broken.docx`);
    await page.getByText('This document could not be read').waitFor();

    await page.goto(`${server.url}/ui/notebook/${session}`);
    await page.getByRole('tab', { name: 'Files' }).click();
    const drawn = `[...document.querySelectorAll('img.thumb')].filter((each) => each.complete && each.naturalWidth > 0).length`;
    await expect.poll(() => page.evaluate(drawn), { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
    expect([foreign, faults]).toEqual([[], []]);
    await context.close();
  });
}
