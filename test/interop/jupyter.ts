import { fileURLToPath } from 'node:url';

/** Jupyter's clients for Python, each unmodified; `open-webui` is not installed but unpacked, for its own module alone. */
export const jupyterPackages = [
  'jupyter_server==2.21.1',
  'nbclient==0.11.0',
  'papermill==2.7.0',
  'jupyter_kernel_client==1.0.2',
  'jupyter_server_client==0.1.1',
  'autogen-ext[docker-jupyter-executor]==0.7.5',
  'aiohttp',
  'websockets',
];
export const openWebui = 'open-webui==0.12.4';

const program = fileURLToPath(new URL('jupyter.py', import.meta.url));

/** What each client is to say. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  nbclient: ["nbclient hello 42 ['image/png']", 'nbclient error ZeroDivisionError 1'],
  papermill: ['papermill total 42'],
  kernel_client: [
    "kernel client ok ['stream', 'execute_result'] 1",
    'kernel client error ZeroDivisionError',
    'kernel client restarted False',
  ],
  server_client: ["server client ['made.ipynb'", '[]'],
  autogen: ["autogen 0 'hi\\n\\n42'", "autogen table 0 ['.html']", 'autogen error 1 1'],
  open_webui: [
    "open webui {'stdout': 'hi', 'stderr': '', 'result': '42'}",
    'open webui error 1',
    'open webui home kept',
    'open webui large 1500000',
    'open webui image fig\n[image/png of 1.9 MiB is larger than this client takes',
    'open webui loop Execution timed out.',
  ],
  gateway: [
    "gateway specs ['bash', 'javascript', 'python3', 'typescript']",
    "gateway ok ['execute_input', 'stream', 'execute_result']",
    'gateway restarted error',
    "gateway interrupted error ['execute_input', 'error']",
    'gateway left []',
  ],
};

export interface JupyterSurroundings {
  readonly url: string;
  readonly key: string;
  /** A free port for a Jupyter server. */
  readonly labPort: number;
  /** Folder of the unpacked wheel of Open WebUI. */
  readonly webui: string;
}

/** Runs every client against a server. @throws Error when one says something else */
export async function checkJupyter(
  { url, key, labPort, webui }: JupyterSurroundings,
  python: (args: string[], env: Record<string, string>) => Promise<string>,
): Promise<void> {
  const env = { HOST: new URL(url).host, KEY: key, LAB_PORT: String(labPort), WEBUI: webui };
  for (const [client, parts] of Object.entries(wanted)) {
    const said = await python([program, client], env);
    for (const part of parts)
      if (!said.includes(part)) throw new Error(`${client}: expected ${JSON.stringify(part)} in:\n${said}`);
  }
}
