import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { cellResult, said } from '../../../test/support/cell-result.ts';
import type { CellResult, MimeBundle, RichOutput } from '../../core/index.ts';
import { newId } from '../../core/index.ts';
import { notebookPieces, type PastCell } from './notebook.ts';

// Jupyter's own schema, of nbformat 5.10.
const { $schema, ...schema } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/nbformat/nbformat.v4.5.schema.json', import.meta.url), 'utf8'),
);
const ajv = new Ajv({ strict: false, logger: false });
const isNotebook = ajv.compile(schema);

function cell(language: string, code: string, result: Partial<CellResult> = {}): PastCell {
  const id = newId();
  return {
    code,
    execution: {
      id,
      sessionId: newId(),
      language,
      tier: 'namespaces',
      continuity: 'continued',
      startedAt: 0,
      files: [],
      deleted: [],
      lost: [],
      result: cellResult(result),
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a notebook is looked into at every depth
function notebook(...cells: PastCell[]): any {
  const made = JSON.parse([...notebookPieces(cells)].join(''));
  expect(isNotebook(made), ajv.errorsText(isNotebook.errors)).toBe(true);
  return made;
}

describe('a notebook', () => {
  it('of nothing is valid', () => {
    expect(notebook().cells).toEqual([]);
  });

  it('holds streams, figures, values and errors in the order one reads them', () => {
    const { cells } = notebook(
      cell('python', 'plot()\n1', {
        stdout: said('out'),
        stderr: said('err'),
        outputs: [
          { kind: 'display', bundle: { 'image/png': 'AAAA', 'text/plain': '<Figure>' } },
          { kind: 'result', bundle: { 'text/plain': '1', 'application/json': { a: [1] } } },
        ],
      }),
      cell('python', 'boom', { stderr: said('warn\nt\nu\n'), error: { name: 'E', value: 'v', traceback: ['t', 'u'] } }),
    );
    expect(cells[0]).toMatchObject({ execution_count: 1, source: 'plot()\n1' });
    expect(cells[0].outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'out' },
      { output_type: 'stream', name: 'stderr', text: 'err' },
      { output_type: 'display_data', data: { 'image/png': 'AAAA', 'text/plain': '<Figure>' }, metadata: {} },
      {
        output_type: 'execute_result',
        execution_count: 1,
        data: { 'text/plain': '1', 'application/json': { a: [1] } },
        metadata: {},
      },
    ]);
    expect(cells[1].outputs).toEqual([
      { output_type: 'stream', name: 'stderr', text: 'warn\n' },
      { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['t', 'u'] },
    ]);
  });

  it('has what was shown between what was printed before and after it', () => {
    const shown = (text: string, after: RichOutput['after']): RichOutput => ({
      kind: 'display',
      bundle: { 'text/plain': text },
      ...(after && { after }),
    });
    const read = (made: PastCell) =>
      notebook(made).cells[0].outputs.map(
        (output: { text?: string; data?: Record<string, string> }) => output.text ?? output.data!['text/plain'],
      );
    const outputs = [shown('A', { stdout: 5, stderr: 0 }), shown('B', { stdout: 5, stderr: 2 })];
    expect(read(cell('python', '', { stdout: said('é-1\né-2\n'), stderr: said('e\nf\n'), outputs }))).toEqual([
      'é-1\n',
      'A',
      'e\n',
      'B',
      'é-2\n',
      'f\n',
    ]);
    // Where something is left out, no place is known.
    const cut = { ...said('é-1\n…'), bytes: 9000, truncated: true };
    expect(read(cell('python', '', { stdout: cut, outputs }))).toEqual(['é-1\n…', 'A', 'B']);
    expect(read(cell('python', '', { stdout: said('x'), outputs: [shown('A', undefined)] }))).toEqual(['x', 'A']);
  });

  it('has the files that a cell made, as they were then', () => {
    const made = cell('python', 'save()');
    const file = {
      id: newId(),
      sessionId: newId(),
      name: 'out/a.csv',
      size: 3,
      digest: 'd'.repeat(64),
      contentType: 'text/csv',
    };
    const stored = { ...file, readOnly: false, source: 'program', createdAt: 0 } as const;
    const execution = {
      ...made.execution,
      files: [{ change: 'created', file: stored }] as const,
      deleted: ['old.csv'],
    };
    const { dragoman } = notebook({ ...made, execution }).cells[0].metadata;
    expect(dragoman).toMatchObject({
      artifacts: [{ id: file.id, session_id: file.sessionId, path: 'out/a.csv', size: 3, change: 'created' }],
      deleted: ['old.csv'],
    });
    expect(notebook(made).cells[0].metadata.dragoman).not.toHaveProperty('artifacts');
  });

  it('is in the language of most cells, the others marked', () => {
    const { metadata, cells } = notebook(cell('bash', 'ls'), cell('python', '1'), cell('python', '2'), cell('r', 'x'));
    expect(metadata.kernelspec).toEqual({ name: 'python3', display_name: 'Python 3' });
    expect(cells.map(({ source }: { source: string }) => source)).toEqual(['%%bash\nls', '1', '2', 'x']);
    expect(cells[3].metadata.language).toBe('r');
    expect(notebook(cell('bash', 'ls')).metadata.language_info.name).toBe('bash');
    expect(notebook(cell('zig', 'x')).metadata.kernelspec.name).toBe('zig');
  });

  it.each<MimeBundle>([
    { 'text/plain': 5 },
    { 'text/html': { a: 1 } },
    { 'image/png': ['x', 1] },
    { 'application/vnd.plotly.v1+json': null },
    { 'text/plain': null },
  ])('is valid whatever a program claims: %j', (bundle) => {
    notebook(cell('python', '', { outputs: [{ kind: 'result', bundle }] }));
  });
});
