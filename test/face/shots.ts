// Takes the pictures of the documentation: `npm run shots`. Needs Chromium and a sandbox image, as the tests do.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startFace } from './pages.ts';
import { openNotebook, runCell } from './scenes/notebook.ts';

const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
const viewport = { width: 1400, height: 820 };

const analysis = [
  '# Compared growth by region',
  'import matplotlib.pyplot as plt',
  'import pandas as pd',
  '',
  'sales = pd.read_csv("sales.csv")',
  'by_region = sales.pivot(index="month", columns="region", values="amount")',
  'by_region.plot(title="Sales by region", figsize=(7, 3))',
  'plt.show()',
  'by_region.to_excel("growth.xlsx")',
].join('\n');
const rows = [
  'month,region,amount',
  ...[118, 131, 153, 171].flatMap((north, at) => [`${at + 3},north,${north}`, `${at + 3},south,${204 - at}`]),
];
const csv = { name: 'sales.csv', mimeType: 'text/csv', buffer: Buffer.from(`${rows.join('\n')}\n`) };

mkdirSync(folder, { recursive: true });
const face = await startFace();
try {
  const { page, context } = await openNotebook(face, { viewport });
  page.on('dialog', (dialog) => void dialog.accept('Quarterly sales'));
  await page.getByRole('button', { name: 'scene' }).click();
  await page.getByRole('tab', { name: /Files/ }).click();
  await page.locator('aside input[type=file]').setInputFiles(csv);
  await page.getByRole('link', { name: 'sales.csv', exact: true }).waitFor();
  await page.getByRole('tab', { name: 'Session' }).click();
  await runCell(page, analysis);
  await page.locator('.fig img').waitFor();
  await runCell(page, 'sales.describe()');
  await page.locator('.grid').waitFor();
  await page.getByText('by_region').first().waitFor();
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${folder}notebook.png` });
  await context.close();

  face.upstream.say(
    [{ text: 'I will compare the regions first.' }, { python: analysis }],
    [
      {
        text: 'The north grew fastest: from **118** to **171** thousand, which is 45 %. The spreadsheet is [growth.xlsx](sandbox:/mnt/data/growth.xlsx).',
      },
    ],
  );
  const chat = await face.open('chat', { viewport });
  await chat.page.getByLabel('Files', { exact: true }).setInputFiles(csv);
  await chat.page.locator('.compose .chip').getByText('sales.csv').waitFor();
  await chat.page.getByLabel('Message').fill('Which region grew fastest this spring? Plot it.');
  await chat.page.keyboard.press('Enter');
  await chat.page.getByText('The north grew fastest').waitFor();
  await chat.page.waitForTimeout(800);
  await chat.page.screenshot({ path: `${folder}playground.png` });
  await chat.context.close();

  const { url, key } = face.server;
  const api = (method: string, path: string, json: unknown, secret = key) =>
    fetch(`${url}/v1${path}`, {
      method,
      headers: { 'x-api-key': secret, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
  for (const [name, language, code] of [
    ['librechat', 'python', 'while True: pass'],
    ['reports', 'python', 'import time; time.sleep(200)'],
    ['build-agent', 'bash', 'sleep 200'],
  ]) {
    const { secret } = (await (await api('POST', '/admin/keys', { name })).json()) as { secret: string };
    const { id } = (await (await api('POST', '/sessions', {}, secret)).json()) as { id: string };
    await api('POST', `/sessions/${id}/executions`, { language: 'python', code: 'sum(range(10**7))' }, secret);
    void api('POST', `/sessions/${id}/executions`, { language, code, timeout_ms: 200_000 }, secret).catch(() => {});
  }
  const operator = await face.open('operator', { viewport });
  await operator.page.getByRole('row', { name: /build-agent/ }).waitFor();
  await operator.page.waitForTimeout(20_000);
  await operator.page.screenshot({ path: `${folder}operator.png` });
} finally {
  await face.close();
}
