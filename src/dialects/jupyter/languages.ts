import type { RunnerInfo } from '../../service/index.ts';
import { type Fields, protocolVersion } from './wire.ts';

/** Kernels by the names that clients use, one for each language that keeps its variables. */

interface Facts {
  readonly mimetype: string;
  readonly extension: string;
  readonly lexer: string;
  readonly mode: string | Fields;
  readonly exporter: string;
}

/** Jupyter's clients know Python by this name alone. */
const pythonName = 'python3';

const facts: Readonly<Record<string, Facts>> = {
  python: {
    mimetype: 'text/x-python',
    extension: '.py',
    lexer: 'ipython3',
    mode: { name: 'ipython', version: 3 },
    exporter: 'python',
  },
  javascript: {
    mimetype: 'text/javascript',
    extension: '.js',
    lexer: 'javascript',
    mode: 'javascript',
    exporter: 'script',
  },
  typescript: {
    mimetype: 'text/typescript',
    extension: '.ts',
    lexer: 'typescript',
    mode: 'typescript',
    exporter: 'script',
  },
  bash: { mimetype: 'text/x-sh', extension: '.sh', lexer: 'bash', mode: 'shell', exporter: 'script' },
};

const plain: Facts = { mimetype: 'text/plain', extension: '.txt', lexer: 'text', mode: 'text', exporter: 'script' };

type LanguageInfo = Awaited<ReturnType<RunnerInfo['languages']>>[number];

export interface KernelSpec {
  readonly name: string;
  /** Name of the language, as the service knows it. */
  readonly language: string;
  readonly title: string;
  readonly version: string;
}

export function kernelSpecs(languages: readonly LanguageInfo[]): KernelSpec[] {
  return languages
    .filter(({ keepsVariables }) => keepsVariables)
    .map(({ name, title, versions }) => ({
      name: name === 'python' ? pythonName : name,
      language: name,
      title: name === 'python' ? 'Python 3 (Dragoman)' : `${title} (Dragoman)`,
      version: /\d+(?:\.\d+)*/.exec(versions[name] ?? Object.values(versions)[0] ?? '')?.[0] ?? '1',
    }));
}

/** The spec that a client means: names of Jupyter, of the language, and no name at all. */
export function specNamed(specs: readonly KernelSpec[], name: string | undefined): KernelSpec | undefined {
  const wanted = name === undefined || name === '' ? pythonName : name;
  return specs.find((spec) => spec.name === wanted) ?? specs.find(({ language }) => language === wanted.toLowerCase());
}

/** What a kernel cannot do because it stands still between cells. */
const limits = { comms: false, network: false, frozen_between_cells: true };

export function specModel({ name, language, title }: KernelSpec): Fields {
  return {
    name,
    spec: {
      argv: [],
      display_name: title,
      language,
      env: {},
      interrupt_mode: 'message',
      metadata: { debugger: false, dragoman: limits },
    },
    resources: {},
  };
}

export function kernelInfo({ language, title, version }: KernelSpec): Fields {
  const { mimetype, extension, lexer, mode, exporter } = facts[language] ?? plain;
  return {
    status: 'ok',
    protocol_version: protocolVersion,
    implementation: 'dragoman',
    implementation_version: version,
    language_info: {
      name: language,
      version,
      mimetype,
      file_extension: extension,
      pygments_lexer: lexer,
      codemirror_mode: mode,
      nbconvert_exporter: exporter,
    },
    banner: `${title} ${version}, in a sandbox without network. It stands still between cells, so widgets and servers do not work.`,
    help_links: [],
    supported_features: [],
  };
}
