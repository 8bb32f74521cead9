import { call } from '../api/http.ts';
import type { DocumentCell, Session } from '../api/types.ts';
import { loadLists } from '../app/state.ts';

/** What a first notebook holds: a text, a figure and a table. */
const firstCells: readonly DocumentCell[] = [
  {
    id: 'first-words',
    kind: 'text',
    language: 'python',
    source: '## A first notebook\n\nPress **Shift+Enter** to run a cell. Variables stay, and files are kept.',
  },
  {
    id: 'first-figure',
    kind: 'code',
    language: 'python',
    source:
      'import matplotlib.pyplot as plt\nimport numpy as np\n\nx = np.linspace(0, 10, 200)\nplt.plot(x, np.sin(x), label="sin")\nplt.plot(x, np.cos(x), label="cos")\nplt.legend()\nplt.title("Two waves")\nplt.show()',
  },
  {
    id: 'first-table',
    kind: 'code',
    language: 'python',
    source: 'import pandas as pd\n\nwaves = pd.DataFrame({"x": x, "sin": np.sin(x), "cos": np.cos(x)})\nwaves',
  },
];

/** Makes a session for a notebook; with `isFirst` it has cells to try. Returns its id. */
export async function newNotebook(isFirst = false): Promise<string> {
  const { id } = await call<Session>('POST', '/sessions', { json: { name: isFirst ? 'First notebook' : 'Untitled' } });
  if (isFirst) await call('PUT', `/sessions/${id}/document`, { json: { cells: firstCells } });
  await loadLists();
  return id;
}
