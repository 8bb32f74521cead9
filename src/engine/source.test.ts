import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadRuntimes } from './runtimes.ts';
import { sourceText } from './source.ts';

const catalogue = loadRuntimes(fileURLToPath(new URL('../../runtimes', import.meta.url)));
const source = (language: string, text: string) => sourceText(catalogue.find(language)!, text);

describe('code that arrives as text', () => {
  it.each(catalogue.runtimes.map(({ name }) => name))('loses its byte order mark and carriage returns: %s', (name) => {
    expect(source(name, '\ufeffa\r\nb\r\n').replace(/^<\?php /, '')).toBe('a\nb\n');
  });

  it.each([
    ['python', 'if\u00a0x:\n\u00a0\u00a0y = "a\u00a0b"  # a\u00a0b\u200b', 'if x:\n  y = "a\u00a0b"  # a\u00a0b\u200b'],
    [
      'python',
      "s = '''a\u00a0'b'\n\u00a0'''\u200b+\u00a0\"\"\"c\u00a0\"\"\"",
      "s = '''a\u00a0'b'\n\u00a0'''+ \"\"\"c\u00a0\"\"\"",
    ],
    ['python', 'a\u00a0= "it\\"s\u00a0" + \'\u00a0\'', 'a = "it\\"s\u00a0" + \'\u00a0\''],
    [
      'javascript',
      'const\u200b a\u00a0= `\u00a0x`.replace(/\u00a0/g, "") // \u00a0',
      'const a = `\u00a0x`.replace(/\u00a0/g, "") // \u00a0',
    ],
    [
      'bash',
      "echo\u00a0'a\u00a0b'\ncat <<EOF\na\u00a0b\nEOF\nls\u00a0-l",
      "echo 'a\u00a0b'\ncat <<EOF\na\u00a0b\nEOF\nls -l",
    ],
    ['c', 'int\u00a0x; /* \u00a0 */ char *s = "\u00a0";', 'int x; /* \u00a0 */ char *s = "\u00a0";'],
    ['rust', 'fn f<\'a>(x:\u00a0&\'a str) { println!("\u00a0"); }', 'fn f<\'a>(x: &\'a str) { println!("\u00a0"); }'],
    ['r', 'x\u00a0<-\u00a0"\u00a0" # \u00a0', 'x <- "\u00a0" # \u00a0'],
    ['go', 'x :=\u3000`\u00a0`', 'x := `\u00a0`'],
  ])('has plain blanks outside of strings and comments: %s %j', (language, text, code) => {
    expect(source(language, text)).toBe(code);
  });

  it('of any size has them in time', () => {
    for (const part of ['"""', "'''", '"\\', '/', '`', '<<E\n', "'", '/*', '(', 'x"'])
      for (const { name } of catalogue.runtimes) {
        const began = performance.now();
        source(name, `\u00a0${part.repeat(30_000)}`);
        expect(performance.now() - began).toBeLessThan(2000);
      }
  });
});

describe('code that needs its own file', () => {
  it.each([
    ['python', 'print(open(__file__).read())'],
    ['python', 'subprocess.run([sys.executable, __file__, "x"])'],
    ['python', "multiprocessing.set_start_method('spawn')"],
    ['javascript', 'new Worker(__filename)'],
    ['bash', 'exec "$0" again'],
    ['bash', 'tail -n +5 "$0" | sh'],
    ['php', 'echo file_get_contents(__FILE__);'],
  ])('is known: %s %j', (language, code) => {
    expect(catalogue.find(language)!.stays?.test(code)).toBe(true);
  });

  it.each([
    ['python', 'print(Path(__file__).parent / "data.csv", os.path.dirname(os.path.abspath(__file__)))'],
    ['javascript', 'console.log(__dirname)'],
    ['bash', 'cd "$(dirname "$0")" && ls'],
    ['bash', 'echo "usage: $0"\ncat file'],
    ['php', 'require __DIR__ . "/lib.php";'],
  ])('is told from code that asks where it is: %s %j', (language, code) => {
    expect(catalogue.find(language)!.stays?.test(code)).toBe(false);
  });

  it('is found in time, whatever the code', () => {
    for (const part of ['cat -a ', "cat 'x' ", '-e -e ', 'open(   ', '__file__) ', 'python3", ', ' ', '"'])
      for (const { stays } of catalogue.runtimes) {
        const began = performance.now();
        stays?.test(part.repeat(50_000));
        expect(performance.now() - began).toBeLessThan(2000);
      }
  });
});

describe('code in the fences of Markdown', () => {
  it.each([
    ['python', '```python\nprint(1)\n```', '\nprint(1)\n'],
    ['python', '```\nprint(1)\n```\n', '\nprint(1)\n\n'],
    ['python', '~~~py\nprint(1)\n~~~', '\nprint(1)\n'],
    ['py', "Sure! Here's the program:\n\n```python3\nprint(1)\n```\n\nIt prints `1`.", '\n\n\nprint(1)\n\n\n'],
    ['python', 'First:\n```python\na = 1\n```\nThen:\n```python\nprint(a)\n```', '\n\na = 1\n\n\n\nprint(a)\n'],
    ['python', '```bash\npip install x\n```\n```python\nprint(1)\n```\n```text\n1\n```', '\n\n\n\nprint(1)\n\n\n\n'],
    ['python', '```python\nprint(1)', '\nprint(1)'],
    ['python', '````python\ns = """\n```\n"""\n````', '\ns = """\n```\n"""\n'],
    ['bash', '```sh\nls\n```', '\nls\n'],
    ['c++', '```c++17\nint main() {}\n```', '\nint main() {}\n'],
    ['js', '```{.js}\n1\n```', '\n1\n'],
  ])('loses them, and every line keeps its number: %s %j', (language, text, code) => {
    expect(source(language, text)).toBe(code);
  });

  it.each([
    ['python', 'text = """\n```python\nprint(1)\n```\n"""'],
    ['python', '# A title.\ntext = f(1)\n"""\n```\nx\n```\n"""'],
    ['bash', 'cat > README.md <<EOF\n```bash\nls\n```\nEOF'],
    ['javascript', 'const a = `\n```js\n1\n```\n`'],
    ['python', '```bash\nls\n```'],
    ['python', 'print("```")'],
  ])('stays what it is where the fences are its own: %s %j', (language, text) => {
    expect(source(language, text)).toBe(text);
  });
});

describe('the names of languages', () => {
  it.each([
    ['python', ['Python', 'py', 'python3', 'Python3.12', 'ipython', 'py3', ' python ']],
    ['bash', ['sh', 'shell', 'zsh', 'BASH', 'bash5.2', 'shellscript']],
    ['javascript', ['js', 'mjs', 'cjs', 'node', 'node20', 'nodejs', 'es6', 'jsx']],
    ['typescript', ['ts', 'mts', 'tsx', 'deno', 'ts5.4']],
    ['cpp', ['c++', 'C++17', 'c++20', 'cpp20', 'cxx', 'gnu++17', 'cplusplus']],
    ['c', ['c99', 'c11', 'C17', 'gcc', 'gcc-14']],
    ['fortran', ['f90', 'f77', 'fortran90', 'Fortran2008']],
    ['rust', ['rs', 'rust2021']],
    ['go', ['golang', 'go1.22']],
    ['java', ['java21', 'jdk-21']],
    ['php', ['php8', 'php8.3']],
  ])('that code fences use mean %s', (name, words) => {
    expect(words.map((word) => [word, catalogue.find(word)?.name])).toEqual(words.map((word) => [word, name]));
  });

  it.each(['', '3', 'brainfuck', 'pythonic', 'c#', '++'])('that are none are unknown: %j', (word) => {
    expect(catalogue.find(word)).toBeUndefined();
  });
});
