import { useMemo } from 'preact/hooks';
import { Code } from '../run/code.tsx';
import { Markdown } from '../run/markdown.tsx';
import { OutputView } from '../run/output-view.tsx';
import { cellsOf, type Ipynb } from './ipynb.ts';

/** A notebook file to be read: nothing of it runs. */
export function StaticNotebook({ file }: { file: Ipynb }) {
  const cells = useMemo(() => cellsOf(file), [file]);
  return (
    <>
      {cells.map((cell) =>
        cell.kind.value === 'text' ? (
          <Markdown key={cell.id} source={cell.source.value} />
        ) : (
          <div key={cell.id} class="run">
            <Code source={cell.source.value} language={cell.language.value} />
            {cell.run.value && (
              <div class="out">
                <OutputView run={cell.run.value} />
              </div>
            )}
          </div>
        ),
      )}
    </>
  );
}
