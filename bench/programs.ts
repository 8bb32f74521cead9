/** What is measured, as a program and as the bare command that does the same. */
export interface Program {
  readonly name: string;
  readonly lang: string;
  readonly code: string;
  readonly bare: readonly string[];
  /** The promise of SPECIFICATION.md: at most this many times the bare command. */
  readonly promise: number;
}

const pandas = 'import pandas as pd\nprint(pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}).describe())';
const figure =
  'import matplotlib\nmatplotlib.use("Agg")\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [3, 1, 2])\nplt.savefig("figure.png")';

export const programs: readonly Program[] = [
  { name: 'python print', lang: 'py', code: 'print(42)', bare: ['python3', '-I', '-c', 'print(42)'], promise: 0.5 },
  { name: 'python pandas', lang: 'py', code: pandas, bare: ['python3', '-I', '-c', pandas], promise: 0.1 },
  { name: 'python figure', lang: 'py', code: figure, bare: ['python3', '-I', '-c', figure], promise: 0.25 },
  { name: 'node print', lang: 'js', code: 'console.log(42)', bare: ['node', '-e', 'console.log(42)'], promise: 0.5 },
  { name: 'bash echo', lang: 'bash', code: 'echo 42', bare: ['bash', '-c', 'echo 42'], promise: 4 },
];
